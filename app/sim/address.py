"""SimAddress: where a simulated cluster can be reached, and what one may do there."""

from __future__ import annotations

from dataclasses import field

from app.domain.frozen import frozen
from app.sim.layout import lay_out
from app.sim.spec import SimSpec
from app.sim.targets import PageKind, Target, config_text, targets_of


@frozen
class SimAddress:
    """A simulated cluster that is being served."""

    spec: SimSpec
    base_url: str
    """`http://127.0.0.1:PORT`, without a slash at its end."""
    origin: float
    """The real moment (epoch seconds) of simulated second 0."""
    token: str = field(repr=False)
    """Allows to inject faults (`Authorization: Bearer …`)."""
    pages: tuple[Target, ...] = field(default=(), repr=False)
    bin_dir: str = ""
    """Folder of Slurm's commands for this cluster; empty: none have been written (`app.sim.slurm.tools`)."""

    @staticmethod
    def of(spec: SimSpec, base_url: str, origin: float, token: str) -> SimAddress:
        """The address of a cluster of that spec."""
        return SimAddress(spec, base_url, origin, token, targets_of(lay_out(spec)))

    @property
    def interval_s(self) -> float:
        """How often two cores can both serve and read the whole cluster."""
        return 1.0 if self.spec.nodes <= 128 else 5.0

    def targets(self) -> list[tuple[str, str, PageKind]]:
        """Every page: its URL, its node, its kind."""
        return [(self.base_url + page.path, page.node, page.kind) for page in self.pages]

    def config_text(self) -> str:
        """A configuration file (TOML) that reads the cluster."""
        return config_text(self.base_url, self.pages, self.interval_s, self.bin_dir)
