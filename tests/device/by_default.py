"""A pytest plugin: the device that a page makes torch's default is that of the answers to its exercises, too."""

import os

import torch

if os.environ.get("DEFAULT_DEVICE"):
    torch.set_default_device(os.environ["DEFAULT_DEVICE"])
