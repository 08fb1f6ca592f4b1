"""The notebooks show what their code gives: the same seed, the same outputs."""

import contextlib
import io
from pathlib import Path

import nbformat
import pytest

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))
every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def printed(notebook):
    return [
        "".join(output.text for output in cell.outputs) for cell in notebook.cells if cell.cell_type == "code"
    ]


def test_there_are_notebooks():
    assert NOTEBOOKS


@every_notebook
def test_the_cells_print_what_the_notebook_shows(path, monkeypatch):
    monkeypatch.chdir(path.parent)
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    names, given = {}, []
    for cell in notebook.cells:
        if cell.cell_type == "code":
            out = io.StringIO()
            with contextlib.redirect_stdout(out):
                exec(cell.source, names)
            given.append(out.getvalue())
    assert given == printed(notebook)


@pytest.mark.kernel
@every_notebook
@pytest.mark.filterwarnings("default")
def test_a_kernel_prints_what_the_notebook_shows(path):
    """In a kernel an event loop is running already; nothing that a user calls may mind."""
    client = pytest.importorskip("nbclient").NotebookClient
    notebook = nbformat.read(path, as_version=4)
    shown = printed(notebook)
    client(notebook, timeout=120, resources={"metadata": {"path": str(path.parent)}}).execute()
    assert printed(notebook) == shown
