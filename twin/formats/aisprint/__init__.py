"""AI-SPRINT's files: application folders and production deployments, read and written.

The units they leave open are explained in :mod:`twin.formats.aisprint.units`.
"""

from __future__ import annotations

from twin.formats.aisprint.folder import ApplicationFolder, load_application
from twin.formats.aisprint.losses import application_losses
from twin.formats.aisprint.plan import load_production_deployment
from twin.formats.aisprint.write_folder import dump_application, save_application
from twin.formats.aisprint.write_plan import dump_production_deployment, save_production_deployment

__all__ = [
    "ApplicationFolder",
    "application_losses",
    "dump_application",
    "dump_production_deployment",
    "load_application",
    "load_production_deployment",
    "save_application",
    "save_production_deployment",
]
