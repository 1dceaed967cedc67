"""Trained models with their preprocessing as ONNX graphs, see docs/export_a_model.md."""

from __future__ import annotations
