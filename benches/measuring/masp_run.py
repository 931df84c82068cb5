"""masp's turns, on a dataset in EmoSet's layout with the reference's pictures, questions and answers."""

import json
import shutil
import statistics
from dataclasses import dataclass

from . import child, gpu_memory, journal

VIEWS = ["facial_expression", "object", "scene", "human_action", "brightness", "colorfulness"]
EMOTIONS = ["amusement", "awe", "contentment", "excitement", "anger", "disgust", "fear", "sadness"]
ANNOTATION = {view: "tree, car" for view in VIEWS[:4]} | {"brightness": 0.5, "colorfulness": 0.5}
# Images enough that a batch seldom has one twice.
COLD_IMAGES = 256
WARM_UP = 3


@dataclass
class Trained:
    # Samples a second.
    rate: float
    # Seconds.
    first_step: float
    peak_mib: float


@dataclass
class Evaluated:
    # Images a second.
    labels: float
    greedy: float
    peak_mib: float

    @property
    def both(self):
        """Images a second where each is scored and generated for."""
        return 1 / (1 / self.labels + 1 / self.greedy)


class Masp:
    def __init__(self, binary, work, a):
        self.binary, self.work, self.new_tokens = binary, work, a.new_tokens
        self.cuda, self.samples, self.sessions = a.device == "cuda", a.samples, 0
        self.checkpointing = a.checkpointing
        pictures = sorted(p for p in (a.model / "images").iterdir() if p.suffix.lower() in (".png", ".jpg", ".jpeg"))
        if not pictures:
            raise SystemExit(f"{a.model / 'images'} holds no picture (PNG, JPEG)")
        # Every batch of the sweep must fit an epoch, so that none is smaller than it is said to be.
        self.kept = max(len(pictures), *a.batches)
        write_dataset(work / "cold", pictures, train=COLD_IMAGES, test=a.samples)
        write_dataset(work / "kept", pictures, train=self.kept)
        write_dataset(work / "validated", pictures, train=8, val=a.samples)
        (work / "views").mkdir()
        for view in VIEWS:
            question = f"Say in a few words what this picture shows of its {view}.\n"
            (work / "views" / f"{view}.txt").write_text(question)
        emotion = "Which feeling does this picture give its viewer? Answer with one of: {}.\n"
        (work / "emotion.txt").write_text(emotion)
        self.environment = {"RAYON_NUM_THREADS": str(a.threads)}
        self.common = ["--model", a.model.resolve(), "--device", a.device, "--dataname", "EmoSet"]
        for setting in (
            f"model.dtype={a.dtype}",
            f"test.max_new_tokens={a.new_tokens}",
            f"data.prompts={work / 'emotion.txt'}",
            f"data.aspect_prompts={work / 'views'}",
            "data.val_fraction=0",
            "eval.panel=0",
            f"session.root={work / 'sessions'}",
        ):
            self.common += ["--set", setting]
        self.aspects = work / "aspects.safetensors"
        self.run(
            "train",
            "--data",
            work / "cold",
            "--stage",
            "aspects",
            "--headless",
            "--max-steps",
            1,
            "--save-ckpt",
            self.aspects,
        )

    def run(self, command, *words):
        """The command run to its end, and its peak memory in MiB."""
        argv = [self.binary, command, *words, *self.common]
        if not self.cuda:
            done = child.run(argv, cwd=self.work, env=self.environment)
            return done, done.peak_mib
        with gpu_memory.Watch() as watch:
            done = child.run(argv, cwd=self.work, env=self.environment)
        return done, watch.peak_mib

    def session(self):
        self.sessions += 1
        return f"{self.sessions:05d}"

    def stage(self, stage, name, data, batch, steps, checkpointing=None):
        words = ["--headless", "--session", name, "--data", self.work / data, "--stage", stage, "--max-steps", steps]
        saved = "true" if (checkpointing or self.checkpointing) == "on" else "false"
        words += ["--set", f"train.batch_size={batch}", "--set", f"train.gradient_checkpointing={saved}"]
        return [*words, "--init-aspects", self.aspects] if stage == "prompt" else words

    def train(self, stage, batch, cached, checkpointing=None):
        """Optimiser steps of one stage; with cached features the first epoch, which fills the cache, is not counted.

        `checkpointing` ("on", "off") for this run alone.
        """
        items = self.kept * (len(VIEWS) if stage == "aspects" else 1)
        before = -(-items // batch) if cached else WARM_UP
        steps = before + max(8, self.samples // batch)
        name = self.session()
        words = self.stage(stage, name, "kept" if cached else "cold", batch, steps, checkpointing)
        words += ["--set", f"data.cache_mb={1024 if cached else 0}"]
        done, peak = self.run("train", *words)
        made = journal.events(self.work / "sessions" / name, "step")
        rates = [step["samples_per_s"] for step in made[before:]]
        shutil.rmtree(self.work / "sessions" / name)
        return Trained(statistics.median(rates), made[0]["time"] - done.began, peak)

    def evaluate(self, batch):
        """`masp eval`, in which each image is seen once."""
        words = ["--data", self.work / "cold", "--split", "test", "--json", "--load-spmodel-ckpt", self.aspects]
        done, peak = self.run("eval", *words, "--set", f"test.batch_size={batch}")
        told = json.loads(done.lines[-1][1])
        return Evaluated(told["images_per_s"], told["generated_images_per_s"], peak)

    def evaluate_cached(self, batch):
        """The second evaluation while training: the first has left the features in the cache."""
        name = self.session()
        words = self.stage("prompt", name, "validated", 1, 2)
        words += [
            "--set",
            "eval.every_steps=1",
            "--set",
            "eval.max_samples=100000",
            "--set",
            f"test.batch_size={batch}",
        ]
        _, peak = self.run("train", *words)
        told = journal.events(self.work / "sessions" / name, "evaluation")[-1]
        shutil.rmtree(self.work / "sessions" / name)
        return Evaluated(told["images_per_s"], told["generated_images_per_s"], peak)


def write_dataset(folder, pictures, **splits):
    """So many images in each split, copies of `pictures` in turn."""
    for split, images in splits.items():
        rows = []
        for i in range(images):
            emotion = EMOTIONS[i % len(EMOTIONS)]
            name, picture = f"{emotion}/{split}_{i:05d}", pictures[i % len(pictures)]
            for part in ("image", "annotation"):
                (folder / part / emotion).mkdir(parents=True, exist_ok=True)
            image, annotation = f"image/{name}{picture.suffix}", f"annotation/{name}.json"
            shutil.copyfile(picture, folder / image)
            (folder / annotation).write_text(json.dumps({"emotion": emotion, **ANNOTATION}))
            rows.append([emotion, image, annotation])
        (folder / f"{split}.json").write_text(json.dumps(rows))
