"""The peak of a graphics card's used memory while something runs, as nvidia-smi tells it."""

import subprocess
import threading

ASK = ["nvidia-smi", "--query-gpu=memory.used", "--format=csv,noheader,nounits", "--id=0"]


def used_mib():
    return float(subprocess.run(ASK, stdout=subprocess.PIPE, text=True, check=True).stdout)


class Watch:
    """`with Watch() as watch: ...`, then `watch.peak_mib`: what was used beyond the beginning, looked at all 0.1 s."""

    def __enter__(self):
        self.before = self.most = used_mib()
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.look)
        self.thread.start()
        return self

    def look(self):
        while not self.over.wait(0.1):
            self.most = max(self.most, used_mib())

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()
        self.peak_mib = self.most - self.before
