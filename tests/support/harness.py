"""lm-evaluation-harness in a process of its own: what it asks a model, and what it makes of that.

    python -m tests.support.harness MODEL_FOLDER TEST_FOLDER TASK OUT.json [MODEL_ARGUMENT=VALUE]...

It is offline, and its data files are named from ``TEST_FOLDER``, where it is started.
"""

import json
import os
import sys
from pathlib import Path


def main(model, folder, task, out, *arguments):
    os.environ |= {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}
    os.environ["HF_HOME"] = str(Path(out).parent / "hugging_face")
    from lm_eval import simple_evaluate
    from lm_eval.tasks import TaskManager

    done = simple_evaluate(
        "hf",
        model_args=",".join((f"pretrained={model}", "dtype=float32", "device=cpu", *arguments)),
        tasks=[task],
        task_manager=TaskManager(include_path=folder, include_defaults=False),
        batch_size=1,
        bootstrap_iters=0,
        log_samples=True,
    )
    told = {"results": done["results"][task], "samples": done["samples"][task]}
    Path(out).write_text(json.dumps(told, default=str))


if __name__ == "__main__":
    main(*sys.argv[1:])
