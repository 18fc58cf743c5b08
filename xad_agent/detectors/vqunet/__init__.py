"""VQU-Net: next-frame prediction through a codebook, by whose errors a clip's anomalies are found."""

from xad_agent.detectors.vqunet.detector import ErrorMaps, Heat, VquNet, heat_of_box
from xad_agent.detectors.vqunet.network import Architecture

__all__ = ["Architecture", "ErrorMaps", "Heat", "VquNet", "heat_of_box"]
