"""Settings: every key of the configuration file, one field each.

A field's `help` is its documentation; its place gives its environment variable (`[store] path` is
`GPU_WATCHDOG_STORE_PATH`), its flag (`--store-path`) and its row in `docs/configuration.md`. Values are read once by
`app.config.load` and passed down; nothing below the runtime reads the environment.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import Field, field, fields
from typing import Any

from app.domain.frozen import frozen


def setting(default: object, help: str) -> Any:  # noqa: A002, ANN401 - stands in for a field of any type, like dataclasses.field
    """A field with its documentation."""
    if isinstance(default, dict | list):
        return field(default_factory=lambda: type(default)(default), metadata={"help": help})
    return field(default=default, metadata={"help": help})


def help_of(one: Field[Any]) -> str:
    """The documentation of a settings field."""
    return str(one.metadata["help"])


@frozen
class Cluster:
    """`[cluster]`: what the whole is called and how often it is looked at."""

    name: str = setting("", "Name shown in the header and in JSON.")
    interval_s: float = setting(5.0, "Seconds between two looks at a source, and between two evaluations.")


@frozen
class Target:
    """`[[target]]`: one address that answers Prometheus text; its kind is detected."""

    url: str = setting("", "Address of the page, `http://node-1:9400/metrics`; `nvml:` is this machine's own driver.")
    node: str = setting("", "Node name; empty: from the page's labels, else the host.")
    name: str = setting("", "Name of the source; empty: host, port and path.")
    ssh: str = setting("", "Reach it through the system's ssh, `user@host:port`.")
    token_file: str = setting("", "File that holds a bearer token (0600).")
    interval_s: float = setting(0.0, "Seconds between two looks; 0: the cluster's.")
    timeout_s: float = setting(0.0, "Seconds a look may take; 0: nine tenths of the interval, 10 at most.")
    max_bytes: int = setting(33554432, "Largest page taken, in bytes.")
    ca_file: str = setting("", "Certificates to trust for https; empty: the system's.")
    insecure: bool = setting(False, "Do not check the https certificate.")


@frozen
class Discover:
    """`[discover]`: targets that come and go."""

    files: tuple[str, ...] = setting((), "Prometheus file_sd files (JSON); patterns allowed, relative to this file.")
    http: tuple[str, ...] = setting((), "Prometheus http_sd addresses.")
    refresh_s: float = setting(30.0, "Seconds between two looks at http_sd; files are looked at every interval.")
    terraform: str = setting(
        "", "Deployment whose nodes are looked at; empty: all of this user's; `none`: none of them."
    )
    local: bool = setting(True, "Read this machine's own GPUs through NVML when nothing else is configured.")


VIAS: tuple[str, ...] = ("auto", "local", "ssh", "rest", "exporter", "off")
"""What `[slurm] via` may say."""


@frozen
class Slurm:
    """`[slurm]`: how Slurm is reached, and how often it is asked."""

    via: str = setting("auto", "`local` commands, `ssh`, `rest`, `exporter` or `off`; `auto`: the first there is.")
    bin_dir: str = setting("", "Folder of squeue, scontrol, …, here or on the ssh host; empty: on the PATH.")
    ssh: str = setting("", "Run the commands on this host, `user@host:port`; with `rest`: reach slurmrestd through it.")
    rest_url: str = setting("", "Address of slurmrestd, `unix:///run/slurmrestd.sock` or `http://head:6820`.")
    token_file: str = setting("", "File that holds the token for slurmrestd (0600), as `scontrol token` prints it.")
    user: str = setting("", "User name told to slurmrestd; empty: the token's own, else yours.")
    exporter_url: str = setting("", "Page of a Slurm exporter, or slurmctld's own (25.11): counts only, no jobs.")
    interval_s: float = setting(0.0, "Seconds between two looks; 0: the cluster's, 2 at least. Slower by itself.")
    timeout_s: float = setting(0.0, "Seconds a look may take; 0: nine tenths of the interval, 30 at most.")
    details_s: float = setting(300.0, "Seconds between two looks at all jobs' details; new jobs are looked up at once.")
    node: str = setting("", "Slurm's name of this machine; empty: as the machine is called.")

    @property
    def is_named(self) -> bool:
        """The configuration names a way, so Slurm alone is something to look at."""
        named = bool(self.bin_dir or self.ssh or self.rest_url or self.exporter_url)
        return self.via not in ("auto", "off") or (self.via == "auto" and named)


LOG_KINDS: tuple[str, ...] = ("kernel", "vllm", "job")
"""What `[[log]] kind` may say."""
JOURNAL = "journal"
"""As `[[log]] path`: systemd's journal instead of a file; `journal:UNIT` for one unit of it."""


@frozen
class Log:
    """`[[log]]`: a log that is read for what went wrong."""

    kind: str = setting(
        "kernel", "Whose it is: `kernel`, `vllm` (a model server) or `job` (a job's output, Slurm's own)."
    )
    node: str = setting("", "Node it is of; empty: as its lines say.")
    path: str = setting("", "File, here or on the ssh host; `journal`: systemd's, or `journal:UNIT` for one unit.")
    url: str = setting("", "Instead of `path`: a log of the pod exporter, `http://pod:9400/logs/kernel`.")
    ssh: str = setting("", "Reach it through the system's ssh, `user@host:port`.")
    token_file: str = setting("", "File that holds a bearer token for `url` (0600).")
    name: str = setting("", "Name of the source; empty: kind, node and path.")
    interval_s: float = setting(0.0, "Seconds between two looks; 0: the cluster's.")


@frozen
class Prometheus:
    """`[prometheus]`: a server (Prometheus, Thanos, Mimir, VictoriaMetrics) that scrapes the cluster already."""

    url: str = setting("", "Its address, `http://prometheus:9090`, with the path its API lies under, if any.")
    token_file: str = setting("", "File that holds a bearer token (0600).")
    tenant: str = setting("", "Told to the server as `X-Scope-OrgID`, for those with tenants (Mimir, Thanos).")
    ca_file: str = setting("", "Certificates to trust for https; empty: the system's.")
    insecure: bool = setting(False, "Do not check the https certificate.")
    only: str = setting("", 'Matchers that series must meet, `cluster="lab"`, where the server holds more than this.')
    node_label: str = setting("", "Label with the node's name; empty: as the pages say, else the host of `instance`.")
    interval_s: float = setting(
        0.0, "Seconds between two looks; 0: the cluster's. No target is read before its scrape."
    )
    timeout_s: float = setting(10.0, "Seconds a question may take.")
    alerts: bool = setting(True, "Show the alerts that fire there beside ours, marked as the server's.")


@frozen
class Store:
    """`[store]`: the history."""

    path: str = setting("", "History file; empty: `history.db` in the state folder; `none`: keep no history.")
    raw_hours: float = setting(24.0, "Hours every sample is kept.")
    minute_days: float = setting(30.0, "Days the one-minute roll-ups are kept.")
    quarter_days: float = setting(365.0, "Days the fifteen-minute roll-ups are kept.")
    flight_mib: float = setting(64.0, "MiB of the flight recorder: what was last seen, as it came; 0: off.")


@frozen
class Alerts:
    """`[alerts]`: rules, and who is told."""

    rules: tuple[str, ...] = setting((), "Files of alert rules (TOML), relative to this file; they add to ours.")
    notify_file: str = setting("", "File that says who is told (0600): Apprise addresses, one a line, or TOML.")
    alertmanager: tuple[str, ...] = setting((), "Alertmanagers that are told, `http://host:9093`.")


@frozen
class Serve:
    """`[serve]`: the daemon."""

    socket: str = setting("", "Unix socket; empty: `$XDG_RUNTIME_DIR/gpu-watchdog/api.sock`, else `/run/…`.")
    user: str = setting("", "User, beside root and oneself, whose socket the screen and the commands trust.")
    group: str = setting("", "Group whose members may look through the socket; `*`: everybody here; empty: its user.")
    log_file: str = setting("", "File that the daemon writes its log to as well (0600); empty: none.")
    log_mib: float = setting(10.0, "MiB of the log after which a new one is begun.")
    log_keep: int = setting(5, "Logs kept beside the newest.")
    act: tuple[str, ...] = setting((), "Users and `@groups` who may also acknowledge, silence and ask, on the socket.")
    admin: tuple[str, ...] = setting((), "Users and `@groups` who may do all that the daemon can, on the socket.")
    tcp: str = setting("", "Address and port to answer on as well, `127.0.0.1:9444`; needs token_file.")
    token_file: str = setting("", "Who comes in over TCP: `name role sha256:…` a line; `serve --new-token` adds one.")
    tls_cert: str = setting("", "Certificate (chain) for TCP, PEM; required beyond this machine.")
    tls_key: str = setting("", "Its private key, PEM (0600).")


@frozen
class Shard:
    """`[shard]`: this daemon's share of the targets, where several daemons read one cluster."""

    of: int = setting(0, "Daemons that share the targets, each with this same number; 0: this one reads them all.")
    index: int = setting(0, "Which share is this daemon's: 0 … of - 1, another one for each.")


@frozen
class Member:
    """`[[member]]`: a daemon that is seen here beside others, for its cluster or a share of one."""

    cluster: str = setting("", "Its cluster; members of one name have a share each, and their names are not changed.")
    socket: str = setting(
        "", "Unix socket it answers on, here or on the ssh host; empty: `/run/gpu-watchdog/api.sock`."
    )
    ssh: str = setting("", "Reach its socket through the system's ssh, `user@host:port`.")
    url: str = setting("", "Instead of a socket: its address, `https://head:9444`.")
    token_file: str = setting("", "File that holds the token for `url` (0600).")
    ca_file: str = setting("", "Certificates to trust for https; empty: the system's.")
    insecure: bool = setting(False, "Do not check the https certificate.")
    slurm: str = setting(
        "", "How you act on its jobs from here: `local` commands, `ssh`, or `rest`; empty: not at all from this view."
    )
    slurm_bin_dir: str = setting("", "Folder of squeue, scontrol, … of that way; empty: on the PATH.")
    slurm_ssh: str = setting("", "Host the commands run on, `user@host:port`; empty: as `ssh`.")
    slurm_rest_url: str = setting("", "Address of its slurmrestd.")
    slurm_token_file: str = setting("", "File that holds your own token for it (0600).")


DIALECTS: tuple[str, ...] = ("auto", "native", "content", "none")
"""What `[agent] tools` may say."""


@frozen
class Agent:
    """`[agent]`: the model that answers questions; without one the offline analyst does."""

    base_url: str = setting("", "OpenAI-compatible server, `http://127.0.0.1:8000/v1`; empty: the offline analyst.")
    model: str = setting("", "Model; empty: the first one the server names.")
    api_key_file: str = setting("", "File that holds the server's key (0600).")
    ssh: str = setting("", "Reach the server through the system's ssh, `user@host:port`.")
    tools: str = setting("auto", "How the model calls tools: `native`, `content`, `none`; `auto`: as it shows it can.")
    first_token_s: float = setting(60.0, "Seconds until the first word must come.")
    answer_s: float = setting(300.0, "Seconds an answer may take in all.")
    rounds: int = setting(12, "Times a model may ask for tools in one answer.")
    max_tokens: int = setting(4096, "Tokens of one reply at most.")
    mask_emails: bool = setting(False, "Take e-mail addresses out of what the model is sent, too.")
    runbooks: str = setting("", "Folder of your own runbooks (markdown); they are offered beside ours.")


@frozen
class Deploy:
    """`[deploy]`: what `deploy` provisions, where its flags do not say otherwise."""

    api_key_file: str = setting("", "File that holds RunPod's API key (0600); empty: the variable RUNPOD_API_KEY.")
    ssh_key: str = setting("", "Private ssh key for the pods; empty: one is made for each deployment.")
    hf_token_file: str = setting("", "File that holds the Hugging Face token (0600), for models that ask for one.")
    image: str = setting("", "Image of the pods; empty: a stock image, and our scripts are brought over ssh.")
    gpu: tuple[str, ...] = setting((), "GPU types in your order, as RunPod names them; empty: the cheapest that fits.")
    order: str = setting("given", "`given`: try the GPU types in your order; `price`: the cheapest first.")
    nodes: int = setting(2, "Nodes, the head counted.")
    gpus_per_node: int = setting(1, "GPUs of each node.")
    data_centers: tuple[str, ...] = setting((), "Data centres, in your order; empty: any with a private network.")
    cloud: str = setting("SECURE", "`SECURE` or `COMMUNITY`; only the first has a private network between pods.")
    disk_gb: int = setting(50, "Disk of each pod, in GB.")
    volume: int = setting(0, "Network volume that keeps the model's weights, in GB (10 at least); 0: none.")
    model: str = setting(
        "", "Model that vLLM serves on the head; `default`: the one this program is made for; empty: none."
    )
    max_cost_per_hour: float = setting(0.0, "$/h that all pods together may cost; 0: no limit of ours.")
    ttl: str = setting("", "Time to live, `12h`: then all is destroyed; empty: for ever.")
    idle_shutdown: str = setting("", "Idle time, `45m`, after which all is destroyed; empty: never.")
    burn_in: bool = setting(False, "Load every GPU for some seconds before it is used.")
    terraform: str = setting("", "Terraform's or OpenTofu's command; empty: `terraform`, else `tofu`, on the path.")
    overlay: str = setting("", "Folder of your own `.tf` files that are laid beside ours.")


@frozen
class Screen:
    """`[screen]`: how it looks."""

    theme: str = setting("", "`dark`, `light`, `colourblind`, `mono`; empty: as it was left.")
    ascii: bool = setting(False, "Draw with ASCII characters only.")
    keymap: str = setting("", "File that remaps keys; empty: `keymap.toml` beside the configuration.")
    call: str = setting("warning", "From which severity a new incident rings: `critical`, `warning` or `never`.")
    read_only: bool = setting(False, "Do nothing to jobs, nodes or processes from the screen (`--read-only`).")
    bastion: bool = setting(
        False, "For a login that is the screen alone: read only, no shell, no files, no leaving but to the end."
    )
    line: str = setting(
        "auto", "The way to your terminal: `auto` measures it, `slow` always saves bytes, `fast` never does."
    )
    shell: bool = setting(True, "Let `:ssh` open a shell on a node; the variable GPU_WATCHDOG_NO_SHELL forbids it too.")


@frozen
class Settings:
    """The whole configuration."""

    cluster: Cluster = field(default_factory=Cluster)
    target: tuple[Target, ...] = ()
    discover: Discover = field(default_factory=Discover)
    slurm: Slurm = field(default_factory=Slurm)
    log: tuple[Log, ...] = ()
    prometheus: Prometheus = field(default_factory=Prometheus)
    store: Store = field(default_factory=Store)
    alerts: Alerts = field(default_factory=Alerts)
    serve: Serve = field(default_factory=Serve)
    shard: Shard = field(default_factory=Shard)
    member: tuple[Member, ...] = ()
    agent: Agent = field(default_factory=Agent)
    screen: Screen = field(default_factory=Screen)
    deploy: Deploy = field(default_factory=Deploy)
    prices: Mapping[str, float] = field(default_factory=dict)
    """$/h of one GPU, by model or the beginning of its name."""
    unused: tuple[str, ...] = ()
    """Tables of the file that this version knows of but does not read yet."""
    origin: str = ""
    """The file it came from; empty for none."""
    is_deployed: bool = False
    """A deployment of this user is there to be looked at."""

    @property
    def is_empty(self) -> bool:
        """Nothing to look at is configured."""
        named = self.target or self.log or self.discover.files or self.discover.http or self.prometheus.url
        return not (named or self.member or self.slurm.is_named or self.is_deployed)


TABLES: Mapping[str, type[Any]] = {
    "cluster": Cluster,
    "discover": Discover,
    "slurm": Slurm,
    "prometheus": Prometheus,
    "store": Store,
    "alerts": Alerts,
    "serve": Serve,
    "shard": Shard,
    "agent": Agent,
    "screen": Screen,
    "deploy": Deploy,
}
"""Plain tables by name; `target`, `log` and `member` are lists of tables, `prices` a free mapping."""

LATER: tuple[str, ...] = ()
"""Tables of the configuration contract whose parts are not built yet: accepted, named by `doctor`, not read."""


def keys(table: type[Any]) -> tuple[str, ...]:
    """The keys of a table."""
    return tuple(one.name for one in fields(table))
