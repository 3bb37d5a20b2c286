// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What tr() gives in German. A table, so that nothing has to be installed but
// Qt itself; a larger program has .ts files and lrelease.
#pragma once

#include <QHash>
#include <QTranslator>

namespace desk {

class German : public QTranslator {
 public:
  bool isEmpty() const override { return false; }
  QString translate(const char *, const char *text, const char *,
                    int) const override {
    static const QHash<QByteArray, QString> words{
#include "german.inc"
    };
    return words.value(text);
  }
};

}  // namespace desk
