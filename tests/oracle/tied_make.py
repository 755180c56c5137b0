"""Writes src/model/tied_table.inc: the model types whose config ties the head to the embedding when it says nothing.

    $(sh tests/oracle/env.sh)/bin/python tests/oracle/tied_make.py

Source: the attribute tie_word_embeddings of each config class of transformers, as it is without any arguments.
"""
import os
from pathlib import Path

os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_VERBOSITY="error")
import transformers
from transformers.models.auto.configuration_auto import CONFIG_MAPPING


def is_tied(model_type):
    try:
        return bool(getattr(CONFIG_MAPPING[model_type](), "tie_word_embeddings", False))
    except Exception:  # a config that cannot be made without arguments: its class has the default all the same
        return bool(getattr(CONFIG_MAPPING[model_type], "tie_word_embeddings", False))


types = sorted(t for t in CONFIG_MAPPING if is_tied(t))
text = f"/* tied_table.inc - written by tests/oracle/tied_make.py from transformers {transformers.__version__} */\n\n"
text += "static const char *const tied_types[] = {\n" + "".join(f'    "{t}",\n' for t in types) + "};\n"
(Path(__file__).resolve().parents[2] / "src/model/tied_table.inc").write_text(text)
print(len(types), "of", len(CONFIG_MAPPING.keys()), "model types")
