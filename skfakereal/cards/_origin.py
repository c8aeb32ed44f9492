"""Where VGG16's weights come from: their licence, and whom to cite."""

from collections.abc import Mapping
from typing import Any

from skfakereal.cards._blocks import Block, Bullets, Section, Text
from skfakereal.cards._public import network_settings

_VGG = (
    "K. Simonyan and A. Zisserman (2015). Very deep convolutional networks for large-scale "
    "image recognition. ICLR."
)
_CIFAKE = (
    "J. J. Bird and A. Lotfi (2024). CIFAKE: image classification and explainable "
    "identification of AI-generated synthetic images. IEEE Access 12.",
    "A. Krizhevsky and G. Hinton (2009). Learning multiple layers of features from tiny "
    "images. Technical report, University of Toronto.",
)
_IMAGENET = (
    "O. Russakovsky et al. (2015). ImageNet large scale visual recognition challenge. "
    "International Journal of Computer Vision 115.",
)
_CARDS = (
    "The form of this card: M. Mitchell et al. (2019). Model cards for model reporting. "
    "FAT*."
)
_TRUNKS = {
    "imagenet": "VGG16's pretrained weights are Keras's, ported from those that the Visual "
    "Geometry Group at Oxford released under the Creative Commons Attribution License. They "
    "were trained on ImageNet, whose images have terms of their own.",
    "cifake": "VGG16's pretrained weights are those inside skfakereal, under the MIT licence "
    "as CIFAKE, which they were trained on.",
    None: "VGG16's first weights were random: no licence but skfakereal's (MIT) applies to "
    "them.",
}


def licence_section(config: Mapping[str, Any], license_name: str) -> Section:
    """Return under what terms the detector and what it is built on stand."""
    own = (
        "No licence was chosen for this detector: choose one before you publish it, here and "
        "in the first lines of this file."
        if license_name == "unknown"
        else f"This detector: {license_name}."
    )
    network = network_settings(config.get("model", {}))
    blocks: list[Block] = [Text(own)]
    if network:
        blocks.append(
            Text(
                _TRUNKS.get(
                    network.get("weights"),
                    "VGG16's pretrained weights were read from a file of the maker's; what "
                    "terms they have is for the maker to say.",
                )
            )
        )
    blocks.append(Text("The terms of the training images are for the maker to state."))
    return Section("Licence", tuple(blocks))


def citation_section(config: Mapping[str, Any]) -> Section:
    """Return what to cite."""
    release = f" (version {config['skfakereal']})" if "skfakereal" in config else ""
    cited = [f"skfakereal{release}. The skfakereal developers."]
    network = network_settings(config.get("model", {}))
    if network:
        more = {"cifake": _CIFAKE, "imagenet": _IMAGENET}.get(
            network.get("weights", ""), ()
        )
        cited += [_VGG, *more]
    return Section("Citation", (Bullets((*cited, _CARDS)),))
