/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The audio method of a plugin as a C function, which the elements call at its
 * address: without an interpreter, without the GIL, on the streaming thread.
 * Plain C, with nothing else to include or to link.
 *
 * A plugin gives it as `process_audio = compiled(library.function)`, a ctypes
 * or cffi function or an address; what base_plugin's @compiled makes of a
 * Python function is one as well. docs/compiled-plugins.md is about both.
 */
#ifndef PYTHONFILTER_CALL_H
#define PYTHONFILTER_CALL_H

#include <stdint.h>

/* Of all that is declared here. Fields may be added at the end of
 * PythonfilterStream without another one, and in the place of what is reserved.
 */
#define PYTHONFILTER_CALL_VERSION 1

typedef enum {
  PYTHONFILTER_F32,
  PYTHONFILTER_F64,
  PYTHONFILTER_S16,
  PYTHONFILTER_S32
} PythonfilterFormat;

/* What a call returns. Any other number is a failure, which is told with that
 * number and goes by the element's on-error. */
#define PYTHONFILTER_OK 0
/* Of a source or a sink: it has, or takes, nothing now. It is asked again. */
#define PYTHONFILTER_NOTHING_YET INT32_MIN
/* Compiled Python raised an exception. */
#define PYTHONFILTER_RAISED (INT32_MIN + 1)

/* What is known of the buffer of this call. -1: not known. */
typedef struct {
  int64_t frames;   /* A source may make it less, for so many; 0: the end. */
  int64_t position; /* frames since the stream's start */
  int64_t offset;   /* the stream's own number of the first frame */
  int64_t pts;      /* of the first frame, in ns */
  int64_t duration; /* in ns */
  int32_t version;  /* PYTHONFILTER_CALL_VERSION */
  int32_t sample_rate;
  int32_t channels;
  int32_t format;      /* a PythonfilterFormat */
  int32_t interleaved; /* 0: one channel after another */
  int32_t discont;     /* It does not continue the last one. A function may set
                          it, of what comes out of this call. */
  int32_t gap;         /* It holds nothing but silence. */
  int32_t reserved;
} PythonfilterStream;

/* `data` is aligned for its format. Interleaved, the channels of a frame are
 * beside each other; otherwise all frames of a channel. Nothing lies between,
 * so that the strides, in bytes, follow from the format.
 *
 * `params`: the plugin's numeric parameters as a C compiler would lay out a
 * struct of them, in the order of their declaration: double for a float,
 * int64_t for an int and for the number of a choice, uint8_t for a bool, const
 * float * to one value for each frame for what the plugin names in `curves`.
 * NULL: it has none.
 *
 * `state`: the plugin's State in the same way, zeroed when a stream starts and
 * kept from call to call. NULL: it has none.
 *
 * Calls for one plugin never overlap. Of a read_only plugin `data` is not to be
 * written to. */
typedef int32_t PythonfilterCall(void *data, int32_t channels, int64_t frames,
                                 int64_t channel_stride, int64_t frame_stride,
                                 const void *params, void *state,
                                 PythonfilterStream *stream);

/* What is true of an input of a mixer, in `flags`: */
/* it brought some of these samples, or a gap; */
#define PYTHONFILTER_PRESENT 1u
/* it said that there is silence; */
#define PYTHONFILTER_GAP 2u
/* it is live, and was not there in time; */
#define PYTHONFILTER_LATE 4u
/* it does not continue what it had before. */
#define PYTHONFILTER_BREAK 8u

/* One input of a mixer, in one call. */
typedef struct {
  /* As many frames as the output has, in the format and with the channels of
   * the input, interleaved and aligned; silence where it brought none. They are
   * not to be written to. */
  const void *data;
  int64_t channel_stride; /* in bytes, as frame_stride */
  int64_t frame_stride;
  int64_t pts; /* of the first frame, in ns; -1: not known */
  /* The InputParams of this input, as `params` has those of the plugin. NULL:
   * there are none. */
  const void *params;
  int32_t channels;
  int32_t format; /* a PythonfilterFormat */
  uint32_t flags; /* PYTHONFILTER_PRESENT and others */
  uint32_t reserved;
} PythonfilterInput;

/* The audio method of a mixer, `mix_audio = compiled(library.function)`: as a
 * PythonfilterCall whose `data` is the output, which is always interleaved and
 * all zeros at first, unless the plugin says output_zero = False. Inputs that
 * have names come in the order of the plugin's declaration, others in that of
 * their pads, and how many there are may be another number in each call. */
typedef int32_t PythonfilterMixCall(void *output, int32_t channels,
                                    int64_t frames, int64_t channel_stride,
                                    int64_t frame_stride, const void *params,
                                    void *state, PythonfilterStream *stream,
                                    const PythonfilterInput *inputs,
                                    int32_t input_count);

#endif
