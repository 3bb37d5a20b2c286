// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Whether new code can go on with a stream that was negotiated for the old.
#pragma once

#include <string>

#include "reloader.hpp"

namespace pythonfilter {

// Why `next` cannot take the place of `now`; empty: it can. `conversion` is the
// new plugin's, open if it converts. It may ask the plugin.
std::string misfit(const Capabilities &now, const Capabilities &next,
                   const CapsConversion &conversion,
                   const NegotiatedStream &stream);

}  // namespace pythonfilter
