"""The commands of `keras-ablation`, also called as `python -m pipeline`.

Heavy libraries are imported only by the commands that use them.
"""

import argparse
import errno
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from pipeline.core.errors import UserError, nearest
from pipeline.core.project import root, study_at
from pipeline.core.streams import allow_any_encoding
from pipeline.core.text import plural
from pipeline.runs.records import RunKind
from pipeline.stages.init import KINDS
from pipeline.store import Store

if TYPE_CHECKING:
    from pipeline.params.types.study import Study

COMMAND = "keras-ablation"
GUIDE = Path(__file__).with_name("guide.md")
Command = Callable[[argparse.Namespace], int | None]
USER_ERROR = 2
INTERRUPTED = 130
NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
"""The disk is full, the quota is reached, a file would exceed the largest size allowed."""
JUDGE_STATUS = (
    "Exit status: 0 where all variants are better or practically equal, 3 where one is worse, 4 where one is open, 2 for a "
    "table that cannot be judged."
)
RESUMED = "finished runs are kept, `dvc repro` continues from there"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; return its exit status: 0, 2 for what the user has to change (a full disk too), 130 after Ctrl-C.

    `judge` has further ones, for verdicts.

    `arguments` are those of the command line by default.

    Example:
        >>> main(["check", "--params", "studies/mine/params.yaml"])
    """
    allow_any_encoding()
    options = parser(_program()).parse_args(arguments)
    try:
        status = options.run(options)
    except UserError as error:
        print(error, file=sys.stderr)
        return USER_ERROR
    except OSError as error:
        if error.errno not in NO_SPACE:
            raise
        file = f"{error.filename}: " if error.filename else ""
        print(f"{file}{error.strerror}; make room: {RESUMED}", file=sys.stderr)
        return USER_ERROR
    except KeyboardInterrupt:
        print(f"interrupted; {RESUMED}", file=sys.stderr)
        return INTERRUPTED
    return status or 0


def check(options: argparse.Namespace) -> None:
    """Check a params file: read it, expand its ablations, and report every fault in it."""
    if options.settings is not None and not options.models:
        _check_what_changed(options)
        return
    study = _study(options)
    if options.settings is not None:
        from pipeline.stages.check import write_settings

        write_settings(study, options.settings)
    if options.models:
        from pipeline.stages.check import check_models

        for sentence in check_models(study, _store(options), _home(options)):
            print(sentence)
    print(_nothing_wrong(options, study))


def _check_what_changed(options: argparse.Namespace) -> None:
    """Check a params file and write its settings, unless all of that is as it was at the last time."""
    from pipeline.stages.settings import CHECKED
    from pipeline.stages.unchanged import recalled, remember, watching

    memory: Path = options.settings.with_name(CHECKED)
    said = recalled(memory, options.settings)
    if said is None:
        with watching() as read:
            study = _study(options)
            from pipeline.stages.check import write_settings

            write_settings(study, options.settings)
        said = _nothing_wrong(options, study)
        remember(memory, options.settings, read, said)
    print(said)


def _nothing_wrong(options: argparse.Namespace, study: "Study") -> str:
    return f"{options.params}: {plural(len(study.ablations), 'ablation')}, nothing wrong"


def plan(options: argparse.Namespace) -> None:
    """Print what would train, and roughly how long it would take."""
    from pipeline.cli.tables import print_plan
    from pipeline.planning.plan import plan as plan_study
    from pipeline.store.archive import adopt

    study, store = _study(options), _store(options)
    adopt(store, _home(options) / "results", study.ablations)
    study_plan = plan_study(study, store, _home(options))
    if options.json:
        print(json.dumps(study_plan.as_json()))
    else:
        print_plan(study_plan)


def guide(_: argparse.Namespace) -> None:
    """Print how to write a study, which mistakes give wrong results, and what to check before reporting any."""
    print(GUIDE.read_text(encoding="utf-8"), end="")


def init(options: argparse.Namespace) -> None:
    """Write params.yaml, dvc.yaml and what else a study needs into a repository of your own."""
    from pipeline.stages.init import init as begin

    print("\n".join(begin(options.folder, options.kind)))


def run(options: argparse.Namespace) -> None:
    """Do what `dvc repro` does, without DVC: data, every ablation, MLflow, pages."""
    from pipeline.cli.progress import progress
    from pipeline.stages.run import run as run_study

    run_study(_study(options), _store(options), _home(options), progress)


def fetch(options: argparse.Namespace) -> None:
    """Fetch the study's data sets."""
    from pipeline.stages.fetch import fetch as fetch_datasets

    fetch_datasets(_study(options), _home(options))


def prepare(options: argparse.Namespace) -> None:
    """Prepare the fetched data sets."""
    from pipeline.stages.prepare import prepare as prepare_datasets

    prepare_datasets(_study(options), _home(options))


def ablate(options: argparse.Namespace) -> None:
    """Train what an ablation lacks and write its results."""
    from pipeline.cli.progress import progress
    from pipeline.stages.ablate import ablate as run_ablation

    run_ablation(_study(options), options.name, _store(options), _home(options), progress, options.ahead)


def report(options: argparse.Namespace) -> None:
    """Render the report pages where they are out of date."""
    from pipeline.stages.report import answers, report_markdown
    from pipeline.stages.report import report as render

    if options.markdown:
        print(report_markdown(_checked_ablations(options), _store(options), _home(options)), end="")
        return
    ablations, home = _checked_ablations(options), _home(options)
    rendered = render(ablations, _store(options), home)
    print("\n".join(answers(ablations, home, rendered)))


def figures(options: argparse.Namespace) -> None:
    """Write the figures of the report pages as files, for a paper: vectors, in the colours of the light theme."""
    from pipeline.stages.report import write_figures

    study, folder = _study(options), options.to
    names = _members(study, options.names)
    files = write_figures(
        list(study.ablations), names, _store(options), _home(options), folder, options.format
    )
    print(f"{folder}: {plural(len(files), 'figure')}")


def show(options: argparse.Namespace) -> None:
    """Print conclusions and rankings of finished ablations."""
    from pipeline.cli.show import show as print_rankings
    from pipeline.result_files.left_out import left_out

    names = _members(_study(options), options.names)
    results = _home(options) / "results"
    omitted = left_out(results, names)
    print_rankings(results, [name for name in names if name not in omitted], _store(options).runs.timings)
    for name, why in omitted.items():
        print(f"\n{name} was left out: {why}")


def track(options: argparse.Namespace) -> None:
    """Send MLflow the runs and models that it lacks."""
    from pipeline.stages.track import track as update_mlflow

    update_mlflow(_checked_ablations(options), _store(options), _home(options))


def store(options: argparse.Namespace) -> None:
    """List, verify or prune the store of finished runs."""
    from pipeline.cli.store_commands import ACTIONS

    ACTIONS[options.action](options, lambda: _study(options))


def judge(options: argparse.Namespace) -> int:
    """Judge a table of variants, seeds and a metric that anything may have written."""
    from pipeline.report.judged_table import Question, as_json, as_page, sentences
    from pipeline.report.judged_table import judge as judge_table

    question = Question(
        options.baseline,
        options.metric,
        not options.lower_is_better,
        options.margin,
        tuple(options.looks or ()),
        options.anytime,
    )
    judged = judge_table(options.table, question)
    if options.html is not None:
        if len(judged.findings) > 1:
            raise UserError("--html: a page is of one data set; judge each alone")
        options.html.write_text(as_page(*judged.findings.values()), encoding="utf-8")
    print(as_json(judged) if options.json else "\n".join(sentences(judged)), end="" if options.json else "\n")
    return judged.status()


def ui(options: argparse.Namespace) -> None:
    """Open MLflow's UI on the project's database."""
    from pipeline.tracking.ui import serve

    serve(root(), options.port, open_browser=not options.no_browser)


def serve(options: argparse.Namespace) -> None:
    """Serve MLflow to a team, on a database of its own, until Ctrl-C."""
    from pipeline.tracking.team_server import serve_team

    serve_team(options.backend, options.artifacts, options.host, options.port)


def _study(options: argparse.Namespace) -> "Study":
    from pipeline.params.load import load

    return load(options.params)


def _members(study: "Study", names: Sequence[str]) -> list[str]:
    """Return the ablations of these names, on all their data sets; all where there are no names."""
    known = {**study.groups, **{name: [name] for name in study.ablations}}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise UserError(f"there is no ablation {unknown[0]!r}.{nearest(unknown[0], known)}")
    return [member for name in names or study.groups for member in known[name]]


def _home(options: argparse.Namespace) -> Path:
    """Return the study's folder, which holds its params file, data, results and reports."""
    return Path(options.params).parent


def _store(options: argparse.Namespace) -> Store:
    return Store(study=study_at(_home(options)))


def _checked_ablations(options: argparse.Namespace) -> Sequence[str]:
    """Return the names of the study's ablations: as `check` wrote them, or from the params file where that is newer."""
    from pipeline.stages.settings import read_ablations

    checked = read_ablations(_home(options) / "data" / "settings", newer_than=options.params)
    return checked if checked is not None else list(_study(options).ablations)


def _program() -> str:
    """Return the program's name as the user typed it."""
    return COMMAND if Path(sys.argv[0]).name == COMMAND else "python -m pipeline"


def parser(program: str = COMMAND) -> argparse.ArgumentParser:
    """Return the parser of all commands, as a program of this name has them."""
    whole = argparse.ArgumentParser(program, description="Ablation studies for Keras.")
    commands = whole.add_subparsers(required=True, metavar="command")

    def command(run: Command, summary: str) -> argparse.ArgumentParser:
        subparser = commands.add_parser(run.__name__, help=summary, description=run.__doc__)
        subparser.set_defaults(run=run)
        subparser.add_argument("--params", type=Path, default=Path("params.yaml"), help="the params file")
        return subparser

    init_options = command(init, "begin: write a study into a repository of your own")
    init_options.add_argument("folder", nargs="?", type=Path, default=Path(), help="where to (here)")
    init_options.add_argument(
        "--from",
        dest="kind",
        choices=KINDS,
        default=KINDS[0],
        help=f"what the study begins with ({KINDS[0]})",
    )
    command(guide, "print how to write a study, for people in a hurry and for coding agents")
    check_options = command(check, "check a params file and report every fault")
    check_options.add_argument(
        "--settings", type=Path, metavar="FOLDER", help="write to this folder what DVC's stages depend on"
    )
    check_options.add_argument(
        "--models", action="store_true", help="have Keras build the model of every variant too"
    )
    command(plan, "print what would train").add_argument("--json", action="store_true", help="print JSON")
    command(run, "do everything that `dvc repro` does, without DVC")
    command(fetch, "fetch the data sets")
    command(prepare, "prepare the data sets")
    _add_ablate_options(command(ablate, "train what an ablation lacks and write its results"))
    command(report, "render the report pages where they are out of date").add_argument(
        "--markdown", action="store_true", help="print the report as Markdown instead, for a pull request"
    )
    figure_options = command(figures, "write the figures of pages as files, for a paper")
    figure_options.add_argument("names", nargs="*", help="only these ablations (default: all)")
    figure_options.add_argument(
        "--to", type=Path, default=Path("figures"), metavar="FOLDER", help="where to (figures)"
    )
    figure_options.add_argument("--format", choices=("pdf", "svg"), default="pdf", help="(pdf)")
    command(show, "print conclusions and rankings").add_argument(
        "names", nargs="*", help="only these ablations (default: all)"
    )
    command(track, "send MLflow what it lacks")
    _add_store_actions(command(store, "list, verify and prune finished runs"))
    _add_judge_options(command(judge, "judge a table of runs from anywhere; the exit status is the verdict"))
    ui_options = command(ui, "open MLflow's UI on this project's database")
    ui_options.add_argument("--port", type=int, default=5000)
    ui_options.add_argument("--no-browser", action="store_true")
    _add_serve_options(command(serve, "serve MLflow to a team"))
    return whole


def _add_ablate_options(ablate_options: argparse.ArgumentParser) -> None:
    ablate_options.add_argument("name", help="the ablation's name in the params file")
    ablate_options.add_argument(
        "--ahead",
        action="store_true",
        help="if training is needed, train the other ablations' missing runs too",
    )


def _add_judge_options(judge_options: argparse.ArgumentParser) -> None:
    judge_options.description = f"{judge.__doc__} {JUDGE_STATUS}"
    judge_options.add_argument(
        "table", type=Path, help="a CSV file with the columns variant, seed and a metric"
    )
    judge_options.add_argument(
        "--baseline", required=True, help="the variant that the others are compared with"
    )
    judge_options.add_argument("--metric", help="the column to judge by, where there are several")
    judge_options.add_argument("--lower-is-better", action="store_true", help="as with a loss")
    judge_options.add_argument(
        "--margin",
        type=float,
        default=0.0,
        help="differences below it do not matter; of accuracies from 0 to 1 in percentage points",
    )
    looks = judge_options.add_mutually_exclusive_group()
    looks.add_argument(
        "--looks", type=_numbers, help="the numbers of seeds after which was looked, as planned: 5,10,20"
    )
    looks.add_argument("--anytime", action="store_true", help="it was looked at without a plan")
    judge_options.add_argument("--json", action="store_true", help="print JSON")
    judge_options.add_argument(
        "--html", type=Path, metavar="FILE", help="write the ablation's page to this file"
    )


def _numbers(text: str) -> list[int]:
    numbers = [int(part) for part in text.split(",")]
    if sorted(set(numbers)) != numbers or numbers[0] < 2:
        raise argparse.ArgumentTypeError(f"must ascend, from 2 at least; got {text}")
    return numbers


def _add_serve_options(serve_options: argparse.ArgumentParser) -> None:
    serve_options.add_argument(
        "--backend", metavar="URI", help="the database, for example postgresql://user@host/name"
    )
    serve_options.add_argument(
        "--artifacts", default="mlartifacts", metavar="PLACE", help="a folder or bucket for files"
    )
    serve_options.add_argument("--host", default="127.0.0.1", help="the address to listen on (127.0.0.1)")
    serve_options.add_argument("--port", type=int, default=5000)


def _add_store_actions(store_options: argparse.ArgumentParser) -> None:
    actions = store_options.add_subparsers(required=True, metavar="action", dest="action")
    list_options = actions.add_parser(
        "list", help="print how many runs are stored, how large, for which ablations"
    )
    list_options.add_argument(
        "--ablation", metavar="NAME", help="only this ablation, or those that match: 'studies/mine/*'"
    )
    list_options.add_argument("--phase", choices=get_args(RunKind), help="only runs of this kind")
    list_options.add_argument("--json", action="store_true", help="print JSON")
    actions.add_parser("verify", help="read everything, report and remove what is damaged")
    for name, what in (
        ("push", "copy finished runs to a folder or bucket"),
        ("pull", "take in runs from there"),
    ):
        exchange = actions.add_parser(name, help=what)
        exchange.add_argument("address", help="a folder, or an address that fsspec knows: s3://bucket/runs")
        if name == "push":
            exchange.add_argument("--weights", action="store_true", help="with the weights of replicates")
    actions.add_parser("prune", help="remove what no study requires any more").add_argument(
        "--dry-run", action="store_true", help="only report what would be removed"
    )
