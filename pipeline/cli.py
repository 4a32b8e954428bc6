"""The command line: `python -m pipeline <command>`. Heavy libraries are imported only by the commands that use them."""

import argparse
import errno
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from pipeline.errors import UserError, nearest
from pipeline.records import Phase
from pipeline.store import Store, root, study_at

if TYPE_CHECKING:
    from pipeline.params.schema import Study

Command = Callable[[argparse.Namespace], None]
FAULTY = 2
INTERRUPTED = 130
FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}  # the disk, the quota, the largest file allowed


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return its exit status: 0, 2 for what the user must mend (a full disk too), 130 after Ctrl-C."""
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except UserError as error:
        print(error, file=sys.stderr)
        return FAULTY
    except OSError as error:
        if error.errno not in FULL:
            raise
        place = f"{error.filename}: " if error.filename else ""
        print(
            f"{place}{error.strerror}; make room: finished runs are kept, `dvc repro` goes on from there",
            file=sys.stderr,
        )
        return FAULTY
    except KeyboardInterrupt:
        print("interrupted; finished runs are kept, `dvc repro` goes on from there", file=sys.stderr)
        return INTERRUPTED
    return 0


def check(options: argparse.Namespace) -> None:
    """Read, check and expand a params file."""
    study = _study(options)
    if options.settings is not None:
        from pipeline.settings import write_settings

        write_settings(study, options.settings)
    count = len(study.ablations)
    print(f"{options.params}: {count} ablation{'s' if count > 1 else ''}, nothing wrong")


def plan(options: argparse.Namespace) -> None:
    """Print what would train."""
    from pipeline.plan import plan as make_plan
    from pipeline.tables import print_plan

    made = make_plan(_study(options), _store(options), _home(options))
    if options.json:
        print(json.dumps(made.as_json()))
    else:
        print_plan(made)


def fetch(options: argparse.Namespace) -> None:
    """Fetch the study's data sets."""
    from pipeline.data.fetch import fetch as fetch_data

    study = _study(options)
    for dataset in study.datasets:
        fetch_data(dataset, _home(options), study.data.mirror)


def prepare(options: argparse.Namespace) -> None:
    """Prepare the fetched data sets."""
    from pipeline.data.prepare import prepare as prepare_data

    for dataset in _study(options).datasets:
        prepare_data(dataset, _home(options))


def ablate(options: argparse.Namespace) -> None:
    """Train what an ablation lacks and write its results."""
    from pipeline.ablate import ablate as run_ablation

    run_ablation(_study(options), options.name, _store(options), _home(options), options.ahead)


def report(options: argparse.Namespace) -> None:
    """Draw the report pages where they are out of date."""
    from pipeline.redraw import redraw

    drawn = redraw(_checked_ablations(options), _store(options), _home(options))
    print("reports/index.html " + ("is drawn anew" if drawn else "is up to date"))


def show(options: argparse.Namespace) -> None:
    """Print conclusions and rankings of finished ablations."""
    from pipeline.show import show as print_rankings

    study = _study(options)
    unknown = [name for name in options.names if name not in study.ablations]
    if unknown:
        raise UserError(
            f"there is no ablation {unknown[0]!r};{nearest(unknown[0], study.ablations)}".rstrip(";")
        )
    print_rankings(_home(options) / "results", options.names or list(study.ablations), _store(options).times)


def track(options: argparse.Namespace) -> None:
    """Send MLflow what it lacks."""
    from pipeline.track import track as bring_up_to_date

    bring_up_to_date(_checked_ablations(options), _store(options))


def store(options: argparse.Namespace) -> None:
    """See what the store of finished runs holds, verify it, prune it."""
    from pipeline import upkeep_commands

    upkeep_commands.COMMANDS[options.action](options, lambda: _study(options))


def ui(options: argparse.Namespace) -> None:
    """Open MLflow's UI on the project's database."""
    from pipeline.tracking.ui import serve

    serve(root(), options.port, open_browser=not options.no_browser)


def serve(options: argparse.Namespace) -> None:
    """Serve MLflow to a team, on a database of its own, until Ctrl-C."""
    from pipeline.tracking.server import serve_team

    serve_team(options.backend, options.artifacts, options.host, options.port)


def _study(options: argparse.Namespace) -> "Study":
    from pipeline.params.load import load

    return load(options.params)


def _home(options: argparse.Namespace) -> Path:
    """Return the study's folder, which holds its params file, data, results and reports."""
    return Path(options.params).parent


def _store(options: argparse.Namespace) -> Store:
    return Store(study=study_at(_home(options)))


def _checked_ablations(options: argparse.Namespace) -> Sequence[str]:
    """Return the study's ablations as `check` wrote them down, or from the params file where that is newer."""
    from pipeline.settings import read_ablations

    checked = read_ablations(_home(options) / "data" / "settings", newer_than=options.params)
    return checked if checked is not None else list(_study(options).ablations)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m pipeline", description="Ablation studies for Keras.")
    commands = parser.add_subparsers(required=True, metavar="command")

    def command(run: Command, summary: str) -> argparse.ArgumentParser:
        added = commands.add_parser(run.__name__, help=summary, description=run.__doc__)
        added.set_defaults(run=run)
        added.add_argument("--params", type=Path, default=Path("params.yaml"), help="the params file")
        return added

    check_options = command(check, "read a params file and name every fault")
    check_options.add_argument(
        "--settings", type=Path, metavar="FOLDER", help="write what DVC's stages depend on there"
    )
    command(plan, "print what would train").add_argument("--json", action="store_true", help="as JSON")
    command(fetch, "fetch the data sets")
    command(prepare, "prepare the data sets")
    ablate_options = command(ablate, "train what an ablation lacks and write its results")
    ablate_options.add_argument("name", help="the ablation's name in the params file")
    ablate_options.add_argument(
        "--ahead",
        action="store_true",
        help="where training is needed, train the other ablations' missing runs too",
    )
    command(report, "draw the report pages where they are out of date")
    command(show, "print conclusions and rankings").add_argument(
        "names", nargs="*", help="these ablations alone"
    )
    command(track, "send MLflow what it lacks")
    _add_store_actions(command(store, "list, verify and prune finished runs"))
    ui_options = command(ui, "open MLflow's UI on this project's database")
    ui_options.add_argument("--port", type=int, default=5000)
    ui_options.add_argument("--no-browser", action="store_true")
    _add_serve_options(command(serve, "serve MLflow to a team"))
    return parser


def _add_serve_options(serve_options: argparse.ArgumentParser) -> None:
    serve_options.add_argument(
        "--backend", metavar="URI", help="the database, such as postgresql://user@host/name"
    )
    serve_options.add_argument(
        "--artifacts", default="mlartifacts", metavar="PLACE", help="where files go: a folder or a bucket"
    )
    serve_options.add_argument("--host", default="127.0.0.1", help="the address to listen on (127.0.0.1)")
    serve_options.add_argument("--port", type=int, default=5000)


def _add_store_actions(store_options: argparse.ArgumentParser) -> None:
    actions = store_options.add_subparsers(required=True, metavar="action", dest="action")
    list_options = actions.add_parser("list", help="what is stored, for whom, how large")
    list_options.add_argument(
        "--ablation", metavar="NAME", help="of this ablation alone, or of those that match: 'studies/mine/*'"
    )
    list_options.add_argument("--phase", choices=get_args(Phase), help="of this phase alone")
    list_options.add_argument("--json", action="store_true", help="as JSON")
    actions.add_parser("verify", help="read everything, report and remove what is damaged")
    actions.add_parser("prune", help="remove what no study wants any more").add_argument(
        "--dry-run", action="store_true", help="only say what would be removed"
    )
