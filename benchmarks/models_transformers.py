"""Tiny configurations of `transformers`, at random weights: what `benchmarks/models.py` converts beside its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

CLASSES = 3
TEXT: dict[str, Any] = {
    "vocab_size": 50,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 32,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
EYE: dict[str, Any] = {
    "image_size": 16,
    "patch_size": 4,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
}
STAGES: dict[str, Any] = {"image_size": 32, "hidden_sizes": [8, 16, 16, 16], "depths": [1, 1, 1, 1]}


class Taken(nn.Module):
    """A model of transformers as a module of one tensor: its logits, or a linear layer on the mean of its last states."""

    def __init__(self, model: nn.Module, width: int | None = None, key: str = "", **more: Any):
        super().__init__()
        self.model, self.key, self.more = model, key, more
        self.head = None if width is None else nn.Linear(width, CLASSES)

    def forward(self, x):
        found = self.model(**{self.key: x}, **self.more) if self.key else self.model(x, **self.more)
        if self.head is None:
            return found.logits
        states = found.last_hidden_state
        return self.head(states.mean(1) if states.ndim == 3 else states.mean((2, 3)))


def _text(name: str, **options: Any) -> tuple[nn.Module, tuple[int, ...]]:
    """With a classifier of sequences on top."""
    from transformers import AutoConfig, AutoModelForSequenceClassification

    given = {k: v for k, v in {**TEXT, **options}.items() if v is not None}
    config = AutoConfig.for_model(name, num_labels=CLASSES, **given)
    return Taken(AutoModelForSequenceClassification.from_config(config, attn_implementation="eager")), (8,)


def _states(name: str, width: int = 16, shape: tuple[int, ...] = (8,), part: str = "", key: str = "", **options: Any):
    """Its last states, averaged, and a linear layer."""
    from transformers import AutoConfig, AutoModel

    given = {k: v for k, v in {**TEXT, **options}.items() if v is not None}
    model = AutoModel.from_config(AutoConfig.for_model(name, **given), attn_implementation="eager")
    return Taken(getattr(model, part) if part else model, width, key), shape


def _image(name: str, size: int = 32, **options: Any) -> tuple[nn.Module, tuple[int, ...]]:
    from transformers import AutoConfig, AutoModelForImageClassification

    config = AutoConfig.for_model(name, num_labels=CLASSES, num_channels=3, **options)
    return Taken(AutoModelForImageClassification.from_config(config)), (3, size, size)


_GPT: dict[str, Any] = {"n_embd": 16, "n_layer": 2, "n_head": 2, "n_positions": 32}
_ROTARY: dict[str, Any] = {"num_key_value_heads": 1, "head_dim": 8}
_T5: dict[str, Any] = {"d_model": 16, "d_kv": 8, "d_ff": 32, "num_layers": 2, "num_heads": 2}
_WINDOWS: dict[str, Any] = {
    "image_size": 32,
    "patch_size": 4,
    "embed_dim": 8,
    "depths": [2, 2],
    "num_heads": [2, 2],
    "window_size": 4,
}

MODELS: dict[str, Callable[[], tuple[nn.Module, tuple[int, ...]]]] = {
    "BERT": lambda: _text("bert"),
    "RoBERTa": lambda: _text("roberta"),
    "ELECTRA": lambda: _text("electra", embedding_size=16),
    "DistilBERT": lambda: _text(
        "distilbert",
        dim=16,
        n_layers=2,
        n_heads=2,
        hidden_dim=32,
        hidden_size=None,
        num_hidden_layers=None,
        num_attention_heads=None,
    ),
    "ALBERT": lambda: _text("albert", embedding_size=16),
    "DeBERTa-v2": lambda: _text("deberta-v2", relative_attention=True, pos_att_type=["c2p", "p2c"]),
    "MPNet": lambda: _text("mpnet"),
    "SqueezeBERT": lambda: _text(
        "squeezebert",
        embedding_size=16,
        q_groups=2,
        k_groups=2,
        v_groups=2,
        post_attention_groups=2,
        intermediate_groups=2,
        output_groups=2,
    ),
    "RoFormer": lambda: _text("roformer", embedding_size=16),
    "FNet": lambda: _states("fnet"),
    "ConvBERT": lambda: _text("convbert", embedding_size=16, head_ratio=1, conv_kernel_size=3),
    "XLNet": lambda: _states(
        "xlnet",
        max_position_embeddings=None,
        d_model=16,
        n_layer=2,
        n_head=2,
        d_inner=32,
        hidden_size=None,
        num_hidden_layers=None,
        num_attention_heads=None,
    ),
    "ModernBERT": lambda: _text("modernbert", local_attention=8),
    "GPT-2": lambda: _text("gpt2", **_GPT),
    "GPT-NeoX": lambda: _text("gpt_neox"),
    "OPT": lambda: _text("opt", ffn_dim=32, word_embed_proj_dim=16),
    "BLOOM": lambda: _text("bloom", n_layer=2, n_head=2, num_hidden_layers=None, num_attention_heads=None),
    "LLaMA": lambda: _text("llama", **_ROTARY),
    "Mistral": lambda: _text("mistral", **_ROTARY),
    "Qwen2": lambda: _text("qwen2", **_ROTARY),
    "Gemma": lambda: _text("gemma", **_ROTARY),
    "Phi": lambda: _text("phi"),
    "Mamba": lambda: _states("mamba", state_size=4, num_attention_heads=None),
    "T5 encoder": lambda: _states("t5", part="encoder", **_T5),
    "Whisper encoder": lambda: _states(
        "whisper",
        part="encoder",
        shape=(8, 64),
        d_model=16,
        encoder_layers=2,
        encoder_attention_heads=2,
        encoder_ffn_dim=32,
        decoder_layers=1,
        decoder_attention_heads=2,
        num_mel_bins=8,
        max_source_positions=32,
    ),
    "Wav2Vec2": lambda: _states(
        "wav2vec2",
        shape=(320,),
        conv_dim=[8, 8],
        conv_stride=[5, 4],
        conv_kernel=[10, 4],
        num_feat_extract_layers=2,
        num_conv_pos_embeddings=4,
        num_conv_pos_embedding_groups=2,
        feat_extract_norm="layer",
    ),
    "PatchTST": lambda: _patches_of_series(),
    "ViT": lambda: _image("vit", 16, **EYE),
    "DeiT": lambda: _image("deit", 16, **EYE),
    "BEiT": lambda: _image("beit", 16, **EYE),
    "DINOv2": lambda: _image("dinov2", 16, **EYE),
    "CLIP": lambda: _states("clip_vision_model", shape=(3, 16, 16), **EYE),
    "Swin": lambda: _image("swin", **_WINDOWS),
    "Swin v2": lambda: _image("swinv2", **_WINDOWS),
    "ConvNeXt": lambda: _image("convnext", **STAGES),
    "ConvNeXt v2": lambda: _image("convnextv2", **STAGES),
    "ResNet (transformers)": lambda: _image(
        "resnet", embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], layer_type="basic"
    ),
    "RegNet": lambda: _image("regnet", embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], groups_width=8),
    "MobileNetV1": lambda: _image("mobilenet_v1", depth_multiplier=0.25),
    "MobileNetV2": lambda: _image("mobilenet_v2", depth_multiplier=0.25),
    "EfficientNet": lambda: _image(
        "efficientnet", width_coefficient=0.25, depth_coefficient=0.25, hidden_dim=64, image_size=32
    ),
    "PoolFormer": lambda: _image("poolformer", hidden_sizes=[8, 8, 16, 16], depths=[1, 1, 1, 1]),
    "CvT": lambda: _image("cvt", embed_dim=[8, 8, 16], num_heads=[1, 1, 2], depth=[1, 1, 1]),
    "PVT v2": lambda: _image(
        "pvt_v2", image_size=32, hidden_sizes=[8, 8, 16, 16], depths=[1, 1, 1, 1], num_attention_heads=[1, 1, 2, 2]
    ),
    "SegFormer": lambda: _image(
        "segformer", hidden_sizes=[8, 8, 16, 16], depths=[1, 1, 1, 1], num_attention_heads=[1, 1, 2, 2]
    ),
    "LeViT": lambda: _image(
        "levit",
        64,
        image_size=64,
        hidden_sizes=[16, 16, 16],
        num_attention_heads=[1, 1, 1],
        depths=[1, 1, 1],
        key_dim=[8, 8, 8],
    ),
    "MobileViT": lambda: _image(
        "mobilevit", 64, image_size=64, hidden_sizes=[16, 16, 16], neck_hidden_sizes=[8, 8, 8, 16, 16, 16, 32]
    ),
    "FocalNet": lambda: _image(
        "focalnet",
        image_size=32,
        embed_dim=8,
        depths=[1, 1],
        focal_levels=[2, 2],
        focal_windows=[3, 3],
        hidden_sizes=[8, 16],
    ),
}


def _patches_of_series() -> tuple[nn.Module, tuple[int, ...]]:
    from transformers import PatchTSTConfig, PatchTSTForClassification

    config = PatchTSTConfig(
        num_input_channels=2, context_length=24, patch_length=6, patch_stride=6, num_hidden_layers=1, d_model=16,
        num_attention_heads=2, ffn_dim=32, num_targets=CLASSES, use_cls_token=True,
    )  # fmt: skip

    class Classifier(nn.Module):
        def __init__(self):
            super().__init__()
            self.model = PatchTSTForClassification(config)

        def forward(self, x):
            return self.model(past_values=x).prediction_logits

    return Classifier(), (24, 2)


def whole(shape: tuple[int, ...]) -> bool:
    """Whether the examples of that shape are tokens."""
    return shape == (8,)


def batch(shape: tuple[int, ...], n: int) -> torch.Tensor:
    """Examples; sequences of tokens end in padding of different lengths."""
    generator = torch.Generator().manual_seed(0)
    if not whole(shape):
        return torch.randn(n, *shape, generator=generator)
    x = torch.randint(3, 50, (n, *shape), generator=generator)
    for row in range(1, n):
        x[row, shape[0] - row % 3 :] = 0
    return x
