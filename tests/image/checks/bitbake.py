# SPDX-License-Identifier: Apache-2.0
"""The real BitBake, as a library: it reads configuration, layers, classes and recipes as a build would, and runs their functions.
What it lacks to be a build is openembedded-core, in whose place stand a few files of ours."""
import functools
import io
import logging
import os
import pathlib
import re
import subprocess
import sys
import types

# Servers of a build that the package does not bring, and nobody asks here.
for _absent in ("hashserv", "hashserv.client", "prserv", "prserv.serv"):
    sys.modules.setdefault(_absent, types.ModuleType(_absent))

import bb  # noqa: E402
import bb.build  # noqa: E402
import bb.cooker  # noqa: E402
import bb.cookerdata  # noqa: E402
import bb.event  # noqa: E402
import bb.fetch2  # noqa: E402
import bb.parse  # noqa: E402
import bb.tinfoil  # noqa: E402, F401

RELEASES = ("kirkstone", "scarthgap", "wrynose")
STANDINS = pathlib.Path(__file__).resolve().parent.parent / "layers"
RDK_VIDEO = ("middleware-generic-support", "video")
RDK_BROADBAND = ("rdk-broadband",)


@functools.cache
def host_triple():
    """The machine that the checks run on, as cargo names it."""
    lines = subprocess.run(["rustc", "-vV"], check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    return next(line.removeprefix("host: ") for line in lines if line.startswith("host: "))


class Failed(Exception):
    """What BitBake says is wrong."""


class Build:
    """A build folder with the configuration of an image, for one release and a choice of layers."""

    def __init__(self, tree, release, folder, others=(), settings=()):
        self.release = release
        self.folder = pathlib.Path(folder)
        conf = self.folder / "conf"
        conf.mkdir(parents=True, exist_ok=True)
        # Rustup finds its compiler by them.
        settings = [*settings, *(f'export {name} = "{os.environ[name]}"' for name in ("HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN")
                                 if name in os.environ), f'HOST_TRIPLE = "{host_triple()}"']
        layers = [STANDINS / "core", *(STANDINS / other for other in others), tree.layer]
        if tree.example_layer.is_dir():
            layers.append(tree.example_layer)
        (conf / "bblayers.conf").write_text(
            f'BBPATH = "${{TOPDIR}}"\nBBFILES ?= ""\nRELEASE = "{release}"\nBBLAYERS = "{" ".join(map(str, layers))}"\n')
        (conf / "settings.conf").write_text("".join(line + "\n" for line in settings))
        # It keeps what it has read of classes and includes, whatever becomes of the files.
        bb.parse.parse_py.BBHandler.cached_statements.clear()
        self._log = io.StringIO()
        self._handler = _Handler(self._log)
        self._handler.setLevel(logging.WARNING)
        self._logger = logging.getLogger("BitBake")
        self._read()

    def _read(self):
        os.environ["BBPATH"] = str(self.folder)
        parameters = bb.cookerdata.CookerConfiguration()
        parameters.postfile = []
        parameters.prefile = [str(self.folder / "conf/settings.conf")]
        parameters.env = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "BBPATH": str(self.folder)}
        before = os.getcwd()
        os.chdir(self.folder)
        try:
            with self._told():
                self.builder = bb.cookerdata.CookerDataBuilder(parameters, False)
                self.builder.parseBaseConfiguration()
                data = self.builder.data
                collections = data.getVar("BBFILE_COLLECTIONS").split()
                priorities = [(name, data.getVar("BBFILE_PATTERN_" + name), re.compile(data.getVar("BBFILE_PATTERN_" + name)),
                               int(data.getVar("BBFILE_PRIORITY_" + name))) for name in collections]
                self.files = bb.cooker.CookerCollectFiles(priorities)
                self.recipes, _, _ = self.files.collect_bbfiles(data, bb.event)
        finally:
            os.chdir(before)

    def _told(self):
        return _Told(self)

    def dangling(self):
        """Appends that no recipe takes."""
        taken = {append for recipe in self.recipes for append in self.files.get_file_appends(recipe)}
        return [append for _, append in self.files.bbappends if append not in taken]

    def recipe(self, name):
        """The data of a recipe, by the name of its file."""
        file = next((file for file in self.recipes if os.path.basename(file).split("_")[0].removesuffix(".bb") == name), None)
        if file is None:
            raise Failed(f"there is no recipe {name}")
        return self.parse(file)

    def parse(self, file):
        with self._told():
            appends = self.files.get_file_appends(file)
            variants = self.builder.parseRecipeVariants(file, appends, layername="")
            return variants[""]

    def run(self, data, function):
        """Runs a function of a recipe as a task would, and gives back what it said."""
        for folder in ("WORKDIR", "T", "B"):
            os.makedirs(data.getVar(folder), exist_ok=True)
        output = _Output(self.folder / "output")
        before = os.getcwd()
        try:
            with output:
                os.chdir(data.getVar("B"))
                bb.build.exec_func(function, data)
        except (bb.process.ExecutionError, bb.BBHandledException) as error:
            raise Failed(f"{data.getVar('PN')}: {function}: {output.text()[-3000:] or error}") from error
        finally:
            os.chdir(before)
        return output.text()

    def fetch(self, data, uris, folder):
        """Fetches and unpacks, without a network."""
        with self._told(), _Output(self.folder / "output"):
            # The base class asks for it when it makes the signature of do_fetch.
            bb.fetch2.get_hashvalue(data)
            fetcher = bb.fetch2.Fetch(uris, data)
            fetcher.download()
            os.makedirs(folder, exist_ok=True)
            fetcher.unpack(str(folder))


class _Output:
    """What BitBake, and what it starts, print goes into a file."""

    def __init__(self, file):
        self.file = file

    def __enter__(self):
        sys.stdout.flush()
        sys.stderr.flush()
        self.before = os.dup(1), os.dup(2)
        with open(self.file, "wb") as opened:
            os.dup2(opened.fileno(), 1)
            os.dup2(opened.fileno(), 2)

    def __exit__(self, *_):
        sys.stdout.flush()
        sys.stderr.flush()
        for descriptor, kept in zip((1, 2), self.before):
            os.dup2(kept, descriptor)
            os.close(kept)

    def text(self):
        return self.file.read_text(errors="replace").strip()


class _Handler(logging.StreamHandler):
    """Keeps what is logged, and knows whether an error is in it."""

    failed = False

    def emit(self, record):
        self.failed = self.failed or record.levelno >= logging.ERROR
        super().emit(record)


class _Told:
    """Makes what BitBake logs as an error the text of an exception, also where it goes on and only ends with another code."""

    def __init__(self, build):
        self.build = build

    def __enter__(self):
        self.build._log.seek(0)
        self.build._log.truncate()
        self.build._handler.failed = False
        self.build._logger.addHandler(self.build._handler)

    def __exit__(self, kind, error, _):
        self.build._logger.removeHandler(self.build._handler)
        if kind is not None and kind is not Failed and not issubclass(kind, KeyboardInterrupt):
            said = self.build._log.getvalue().strip()
            raise Failed(said or f"{kind.__name__}: {error}") from error
        if kind is None and self.build._handler.failed:
            raise Failed(self.build._log.getvalue().strip())
        return False
