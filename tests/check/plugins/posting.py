"""Posts from each method, a message of the method's name."""

from base_plugin import AudioProcessorPlugin


class Posting(AudioProcessorPlugin):
    def __init__(self):
        # Not ours: post() must not need it.
        self.post("init")
        self.calls = 0

    def initialize(self):
        self.post("initialize")
        return True

    def shutdown(self):
        self.post("shutdown")

    def set_sample_rate(self, rate):
        self.post("set_sample_rate", rate=rate)

    def start(self):
        self.post("start")
        return True

    def stop(self):
        self.post("stop")

    def set_parameter(self, key, value):
        self.post("set_parameter", key=key, value=value)

    def get_processing_latency(self):
        self.post("get_processing_latency")
        return 0.0

    def reset(self):
        self.post("reset")

    def drain(self):
        self.post("drain")

    def process_audio(self, buffer):
        self.calls += 1
        self.post("process_audio", call=self.calls)
