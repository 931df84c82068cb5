"""What a session's journal tells: see `src/session/event.rs`."""

import json


def events(folder, *kinds):
    """The events of these kinds, in order. A torn last line is not yet there."""
    found = []
    try:
        text = (folder / "journal.jsonl").read_text()
    except FileNotFoundError:
        return found
    for line in text.split("\n")[:-1]:
        event = json.loads(line)
        if event["event"] in kinds:
            found.append(event)
    return found
