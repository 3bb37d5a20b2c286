/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * Audio methods in C, for the plugins c_*.py of the tests: what
 * docs/compiled-plugins.md says of C is tried with these. */
#include <time.h>

#include "../../../bridge/pythonfilter-call.h"

typedef struct {
  double factor;
  int64_t fails_with;
  uint8_t shows;
  int64_t mode;
} Params;

typedef struct {
  int64_t frames;
  double last[64];
} State;

#define EXPORT __attribute__((visibility("default")))

static double get(const char *at, int32_t format) {
  switch (format) {
    case PYTHONFILTER_F32:
      return *(const float *)at;
    case PYTHONFILTER_F64:
      return *(const double *)at;
    case PYTHONFILTER_S16:
      return *(const int16_t *)at;
    default:
      return *(const int32_t *)at;
  }
}

static void put(char *at, int32_t format, double value) {
  switch (format) {
    case PYTHONFILTER_F32:
      *(float *)at = (float)value;
      return;
    case PYTHONFILTER_F64:
      *(double *)at = value;
      return;
    case PYTHONFILTER_S16:
      *(int16_t *)at = (int16_t)value;
      return;
    default:
      *(int32_t *)at = (int32_t)value;
  }
}

/* Multiplies, remembers each channel's last sample, and can be made to fail.
 * With `shows`, the first sample becomes what the stream's record says: the
 * number of the mode, and the frames so far. */
EXPORT int32_t scale(void *data, int32_t channels, int64_t frames,
                     int64_t channel_stride, int64_t frame_stride,
                     const void *given, void *kept,
                     PythonfilterStream *stream) {
  const Params *params = given;
  State *state = kept;
  if (stream->version != PYTHONFILTER_CALL_VERSION ||
      stream->channels != channels || stream->frames != frames)
    return 1000;
  if (stream->position != state->frames) return 1001;
  if (params->fails_with) return (int32_t)params->fails_with;
  for (int32_t c = 0; c < channels; c++)
    for (int64_t f = 0; f < frames; f++) {
      char *at = (char *)data + c * channel_stride + f * frame_stride;
      put(at, stream->format, get(at, stream->format) * params->factor);
      state->last[c] = get(at, stream->format);
    }
  if (params->shows)
    put(data, stream->format, (double)(params->mode * 100 + state->frames));
  state->frames += frames;
  return PYTHONFILTER_OK;
}

EXPORT int32_t nothing(void *data, int32_t channels, int64_t frames,
                       int64_t channel_stride, int64_t frame_stride,
                       const void *given, void *kept,
                       PythonfilterStream *stream) {
  (void)data, (void)channels, (void)frames, (void)channel_stride;
  (void)frame_stride, (void)given, (void)kept, (void)stream;
  return PYTHONFILTER_OK;
}

/* Writes the curve that is its only parameter. */
EXPORT int32_t follow(void *data, int32_t channels, int64_t frames,
                      int64_t channel_stride, int64_t frame_stride,
                      const void *given, void *kept,
                      PythonfilterStream *stream) {
  const float *level = *(const float *const *)given;
  (void)kept;
  for (int32_t c = 0; c < channels; c++)
    for (int64_t f = 0; f < frames; f++) {
      char *at = (char *)data + c * channel_stride + f * frame_stride;
      put(at, stream->format, level[f]);
    }
  return PYTHONFILTER_OK;
}

/* With `how` 1 it never comes back, with 2 it writes where there is nothing. */
EXPORT int32_t fail_hard(void *data, int32_t channels, int64_t frames,
                         int64_t channel_stride, int64_t frame_stride,
                         const void *given, void *kept,
                         PythonfilterStream *stream) {
  volatile int64_t how = *(const int64_t *)given;
  (void)data, (void)channels, (void)frames, (void)channel_stride;
  (void)frame_stride, (void)kept, (void)stream;
  while (how == 1) {
  }
  if (how == 2) *(volatile int *)(uintptr_t)(how * 32) = 1;
  return PYTHONFILTER_OK;
}

/* Of a source: 1, 2, 3 … in each channel, as many as the state's 1000. */
EXPORT int32_t count(void *data, int32_t channels, int64_t frames,
                     int64_t channel_stride, int64_t frame_stride,
                     const void *params, void *kept,
                     PythonfilterStream *stream) {
  int64_t *made = kept;
  (void)params;
  if (*made == 0 && stream->gap == 0 && made[1]++ == 0)
    return PYTHONFILTER_NOTHING_YET;
  if (stream->frames > 1000 - *made) stream->frames = 1000 - *made;
  frames = stream->frames;
  for (int64_t f = 0; f < frames; f++, ++*made)
    for (int32_t c = 0; c < channels; c++)
      put((char *)data + c * channel_stride + f * frame_stride, stream->format,
          (double)(*made + 1));
  return PYTHONFILTER_OK;
}

/* Of a filter or a sink that only looks: adds to the sum of all samples. */
EXPORT int32_t add_up(void *data, int32_t channels, int64_t frames,
                      int64_t channel_stride, int64_t frame_stride,
                      const void *params, void *kept,
                      PythonfilterStream *stream) {
  double *sum = kept;
  (void)params;
  for (int32_t c = 0; c < channels; c++)
    for (int64_t f = 0; f < frames; f++)
      *sum += get((char *)data + c * channel_stride + f * frame_stride,
                  stream->format);
  return PYTHONFILTER_OK;
}

/* Of a mixer: the sum of all inputs, of any format, times the gain of each, in
 * every channel; `fails_with` as above, and below 0 it takes so many
 * milliseconds. With `shows`, the first samples become
 * what is said of each input: its flags, its channels, its pts in ms. */
typedef struct {
  double volume;
  int64_t fails_with;
  uint8_t shows;
} MixParams;

typedef struct {
  double gain;
  uint8_t mute;
} InputParams;

EXPORT int32_t mix(void *output, int32_t channels, int64_t frames,
                   int64_t channel_stride, int64_t frame_stride,
                   const void *given, void *kept, PythonfilterStream *stream,
                   const PythonfilterInput *inputs, int32_t input_count) {
  const MixParams *params = given;
  int64_t *state = kept;
  if (stream->version != PYTHONFILTER_CALL_VERSION ||
      stream->channels != channels || stream->frames != frames)
    return 1000;
  if (stream->position != *state) return 1001;
  if (params->fails_with > 0) return (int32_t)params->fails_with;
  const int64_t slow = -params->fails_with;
  const struct timespec time = {slow / 1000, slow % 1000 * 1000000};
  if (slow) nanosleep(&time, NULL);
  *state += frames;
  for (int32_t i = 0; i < input_count; i++) {
    const PythonfilterInput *input = &inputs[i];
    const InputParams *own = input->params;
    if (own->mute) continue;
    for (int32_t c = 0; c < channels; c++)
      for (int64_t f = 0; f < frames; f++) {
        char *at = (char *)output + c * channel_stride + f * frame_stride;
        const char *from = (const char *)input->data +
                           c % input->channels * input->channel_stride +
                           f * input->frame_stride;
        put(at, stream->format,
            get(at, stream->format) +
                get(from, input->format) * own->gain * params->volume);
      }
  }
  for (int32_t i = 0; params->shows && i < input_count && 3 * i + 2 < frames;
       i++) {
    char *at = (char *)output + 3 * i * frame_stride;
    put(at, stream->format, inputs[i].flags);
    put(at + frame_stride, stream->format, inputs[i].channels);
    put(at + 2 * frame_stride, stream->format,
        inputs[i].pts < 0 ? -1 : (double)(inputs[i].pts / 1000000));
  }
  return PYTHONFILTER_OK;
}

/* Of a mixer of floats: the sum of the curves that are each input's only
 * parameter. */
EXPORT int32_t mix_curves(void *output, int32_t channels, int64_t frames,
                          int64_t channel_stride, int64_t frame_stride,
                          const void *params, void *state,
                          PythonfilterStream *stream,
                          const PythonfilterInput *inputs,
                          int32_t input_count) {
  (void)params, (void)state, (void)stream;
  for (int32_t i = 0; i < input_count; i++) {
    const float *level = *(const float *const *)inputs[i].params;
    for (int32_t c = 0; c < channels; c++)
      for (int64_t f = 0; f < frames; f++)
        *(float *)((char *)output + c * channel_stride + f * frame_stride) +=
            level[f];
  }
  return PYTHONFILTER_OK;
}

/* Of a mixer: nothing. */
EXPORT int32_t mix_nothing(void *output, int32_t channels, int64_t frames,
                           int64_t channel_stride, int64_t frame_stride,
                           const void *params, void *state,
                           PythonfilterStream *stream,
                           const PythonfilterInput *inputs,
                           int32_t input_count) {
  (void)output, (void)channels, (void)frames, (void)channel_stride;
  (void)frame_stride, (void)params, (void)state, (void)stream, (void)inputs;
  (void)input_count;
  return PYTHONFILTER_OK;
}
