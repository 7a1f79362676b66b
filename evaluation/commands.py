"""The verbs that score and compare."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ftcaffe import application
from ftcaffe.arguments import add_engine, add_work
from ftcaffe.command import Command
from ftcaffe.errors import Error

if TYPE_CHECKING:
    from evaluation.comparing.result import Settings
    from evaluation.pages.written import Written

_INTERVALS = ("bootstrap", "idca", "binormal", "delong")


def _statistics(parser: argparse.ArgumentParser) -> None:
    """How intervals and tests are made: the same for every verb that compares."""
    parser.add_argument(
        "--operating-points",
        metavar="RATES",
        help="false positives per image (FROC) or false-positive rates (ROC), with commas between "
        "(default: the application's, with 0.1, 0.5, 1 or 0.05, 0.1, 0.2, as far as the set resolves them)",
    )
    parser.add_argument(
        "--interval",
        default="bootstrap",
        metavar="|".join(_INTERVALS),
        help="how 95 %% intervals are had: bootstrap draws whole units, and so respects that images of one video or "
        "patient resemble each other; idca is the paper's model of FROC curves, binormal that of ROC curves, delong "
        "the variance of the AUC: these take candidates for independent (default: bootstrap)",
    )
    parser.add_argument(
        "--correct", choices=["holm"], help="correct the p-values for the number of pairs and operating points"
    )
    parser.add_argument(
        "--draws", type=int, default=2000, help="draws of the units for bootstrap and paired tests (default: 2000)"
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of the draws (default: 0)")


def _different(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--allow-different-test-sets",
        action="store_true",
        help="compare also what is of other images, lesions or hit rules; then without a paired test",
    )


def _settings(options: argparse.Namespace) -> Settings:
    from evaluation.comparing.result import Settings

    rates = None
    if options.operating_points is not None:
        try:
            rates = tuple(sorted({float(rate) for rate in options.operating_points.split(",")}))
        except ValueError:
            text = f"--operating-points '{options.operating_points}' are not numbers with commas between"
            raise Error(text, remedy="such as 0.1,1") from None
    return Settings(options.interval, options.draws, options.seed, rates, options.correct)


def _show(written: Written) -> None:
    print(f"{written.table}\n\n{written.sentence}\n\nnext: open {written.page} in a browser")


def _score_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("runs", nargs="+", metavar="RUN", help="a run's folder, or its name in the working folder")
    parser.add_argument("--snapshot", default="best", help="'best', or the iteration of a snapshot (default: best)")
    parser.add_argument("--batch", type=int, default=256, help="patches a forward pass (default: 256)")
    _maps(parser)
    add_engine(parser)
    add_work(parser)


def _maps(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--maps",
        choices=("patchwise", "convolutional"),
        default="patchwise",
        help="how a region is mapped where an application has regions: patch by patch, or at once with the net as a "
        "convolution, which is fast but sees other surroundings than a patch has (default: patchwise)",
    )
    parser.add_argument(
        "--trace",
        default="",
        metavar="NAME=VALUE,…",
        help="how interfaces are traced in the maps: ordered, gap; of the snakes tension, rigidity, weight, sigma, "
        "time_step, tolerance, steps (default: tension=0.5,rigidity=5,weight=5,sigma=1.5 and so on)",
    )


def _score(options: argparse.Namespace) -> None:
    from evaluation.scoring import runs, score
    from evaluation.segmenting import interfaces, named, tracing

    traced = named.settings(options.trace, interfaces.Settings)
    settings = score.Settings(options.snapshot, options.batch, options.engine, options.gpu)
    paths = [runs.find(run, options.work) for run in options.runs]
    for path in paths:
        written, made = score.score(path, settings)
        print(f"{written}{'' if made else ' is there already'}")
        if tracing.has_regions(runs.read(path)):
            how = tracing.Settings(options.snapshot, options.batch, options.engine, options.gpu, options.maps, traced)
            written, made = tracing.trace(path, how)
            print(f"{written}{'' if made else ' is there already'}")
    work = f" --work {options.work}" if options.work != Path("work") else ""
    print(f"next: ftcaffe report {paths[0].absolute().parent.name}{work}")


SCORE = Command("score the test candidates of finished runs", _score_arguments, _score)


def _apply_arguments(parser: argparse.ArgumentParser) -> None:
    applications = parser.add_subparsers(dest="application", metavar="APP", required=True)
    for name in application.names():
        app = application.load(name)
        if app.apply_arguments is None:
            continue
        sub = applications.add_parser(name, help=app.title, description=f"{app.title}: what a run finds in new data.")
        sub.add_argument("source", type=Path, metavar="INPUT", help="the new data")
        sub.add_argument(
            "--run", dest="trained", required=True, help="a finished run's folder, or its name in the working folder"
        )
        sub.add_argument(
            "--out", type=Path, metavar="DIR", help="where to write (default: here, in a folder of INPUT's name)"
        )
        sub.add_argument("--batch", type=int, default=256, help="patches a forward pass (default: 256)")
        add_engine(sub)
        add_work(sub)
        sub.set_defaults(maps="patchwise", trace="")
        if app.pictures is not None:
            _maps(sub)
        app.apply_arguments(sub)


def _apply(options: argparse.Namespace) -> None:
    from evaluation.scoring import apply, runs
    from evaluation.segmenting import interfaces, named

    traced = named.settings(options.trace, interfaces.Settings)
    settings = apply.Settings(options.batch, options.engine, options.gpu, options.maps, traced)
    out = options.out or Path(f"{options.source.name.split('.')[0]}-{options.application}")
    folder = runs.find(options.trained, options.work)
    apply.apply(options.application, options.source, folder, out, settings, options)


APPLY = Command("what a finished run finds in new data", _apply_arguments, _apply)


_SCORE_SET = """A score set is a table in CSV or HDF5 (a one-dimensional data set a column), a row a candidate:

  unit       the patient or video; intervals draw whole units   (without it, each image is one)
  image      what false positives are counted per               (without it, the unit, or in a ROC set the row)
  candidate  names the row within its image                     (without it, they are numbered)
  lesion     the lesion that the candidate hits, empty for none (without the column it is a ROC set)
  label      the class                                          (without it, what has a lesion is positive)
  score      any finite number, higher for the positive class

With a column lesion the curve is an FROC curve. Images without candidates and lesions that nothing hits count in it
too: give --images and --lesions, or NAME.images.csv and NAME.lesions.csv beside NAME.csv. A table of images has the
columns unit,image,lesions (how many each shows). A table of lesions says by its columns where a lesion's name counts:
unit,image,lesion within its image; unit,lesion within its unit, so that a lesion seen in several images counts once;
lesion in the whole set.

Written to --out: report.html; figures as PNG and SVG; and as CSV (LaTeX beside those that people print):
  curve             run,threshold,fp_rate,sensitivity, every threshold
  operating_points  run,fp_rate,sensitivity,low,high,interval
  parameters        run,model,parameter,estimate,se, of the fitted curves
  summary           run,auc,low,high,cpm,images,lesions,candidates,units
  pairwise          run_a,run_b,fp_rate,intervals_overlap,difference,low,high,p_value,test; pairwise_areas: AUC, CPM
  significance      the operating points at which intervals do not overlap; significance_paired: at which p < 0.05

Two other tables are taken as well, each alone (measured_in names the unit of measurement, and may be missing):

  run,unit,region,interface,error,measured_in
      errors of segmentation, every run on the same regions: box plots, and p-values of paired t-tests over regions
      and over units in a lower triangle: errors, pairwise_errors, significance_errors, significance_errors_units
  run,unit,region,measured,reference,measured_in
      what was measured and a reference for it: bias and limits of agreement (Bland and Altman), intraclass
      correlation: agreement, and the figures bland_altman_RUN"""


def _table_or_number(text: str) -> Path | int:
    return int(text) if text.isdigit() else Path(text)


def _evaluate_arguments(parser: argparse.ArgumentParser) -> None:
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = _SCORE_SET
    parser.add_argument(
        "scores", nargs="+", type=Path, metavar="SCORES", help="score sets: CSV or HDF5 of any software, or scores.h5"
    )
    parser.add_argument(
        "--images", type=_table_or_number, metavar="TABLE|N", help="every image of the score sets, or how many"
    )
    parser.add_argument(
        "--lesions", type=_table_or_number, metavar="TABLE|N", help="every lesion of the score sets, or how many"
    )
    parser.add_argument("--app", default="", help="application whose words and operating points are used")
    parser.add_argument("--positive", metavar="LABEL", help="label of the positive class (default: 1)")
    parser.add_argument(
        "--lower-is-positive", action="store_true", help="lower scores speak for the positive class, as distances do"
    )
    parser.add_argument(
        "--out", type=Path, default=Path("evaluation-report"), help="folder of tables, figures and page"
    )
    _statistics(parser)
    _different(parser)


def _evaluate(options: argparse.Namespace) -> None:
    from evaluation.pages import report
    from evaluation.scoring.scoreset import Reading

    reading = Reading(options.images, options.lesions, options.positive, options.lower_is_positive, options.app)
    allow = options.allow_different_test_sets
    _show(report.evaluate_files(options.scores, reading, options.out, _settings(options), allow_different=allow))


EVALUATE = Command("curves, operating points, tests and tables of score sets", _evaluate_arguments, _evaluate)


def _compare_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("runs", nargs="+", metavar="RUN", help="a run's folder, or its name in the working folder")
    parser.add_argument("--out", type=Path, help="folder of the page (default: WORK/reports/APP/compare)")
    add_work(parser)
    _statistics(parser)
    _different(parser)


def _compare(options: argparse.Namespace) -> None:
    from evaluation.pages import report

    allow = options.allow_different_test_sets
    _show(report.compare_runs(options.runs, options.work, options.out, _settings(options), allow_different=allow))


COMPARE = Command("compare runs: convergence, FROC, how far the layers moved", _compare_arguments, _compare)


def _report_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("application", metavar="APP", help="name of the application")
    add_work(parser)
    _statistics(parser)


def _report(options: argparse.Namespace) -> None:
    from evaluation.pages import report

    _show(report.report(options.application, options.work, _settings(options)))


REPORT = Command("the page of all finished runs of an application", _report_arguments, _report)


def _handcrafted_arguments(parser: argparse.ArgumentParser) -> None:
    applications = parser.add_subparsers(dest="application", metavar="APP", required=True)
    for name in application.names():
        app = application.load(name)
        if app.pictures:
            title = "both interfaces of the test regions, from the gradient of the grey values"
        else:
            title = app.handcrafted.title if app.handcrafted else "has none"
        sub = applications.add_parser(name, help=title, description=f"{title}.")
        add_work(sub)
        if app.pictures:
            sub.add_argument(
                "--trace",
                default="",
                metavar="NAME=VALUE,…",
                help="edge_sigma, upper, gap and together of the edges; tension, rigidity, weight, sigma, time_step, "
                "tolerance, steps of the snakes (default: edge_sigma=2,gap=4,tension=0.5 and so on)",
            )
            continue
        sub.add_argument(
            "--source", type=Path, metavar="SOURCE", help="the data set (default: where it was when it was prepared)"
        )
        sub.add_argument("--seed", type=int, default=0, help="of everything drawn (default: 0)")
        if app.handcrafted:
            app.handcrafted.arguments(sub)


def _handcrafted(options: argparse.Namespace) -> None:
    from evaluation.scoring.handcrafted import handcrafted
    from evaluation.segmenting import named, rival, wall_edges

    if "trace" in options:
        path, made = rival.trace(
            options.application, options.work, named.settings(options.trace, wall_edges.Settings)
        )
    else:
        path, made = handcrafted(options.application, options, options.work)
    print(f"{path}{'' if made else ' is there already'}")
    work = f" --work {options.work}" if options.work != Path("work") else ""
    print(f"next: ftcaffe report {options.application}{work}")


HANDCRAFTED = Command(
    "the handcrafted method, which needs no net, on the test candidates",
    _handcrafted_arguments,
    _handcrafted,
)
