"""The HTML page (placeholder until drawn)."""
from conformance.results import Results
from pathlib import Path
def write_page(results: Results, folder: Path) -> Path:
    path = folder / "report.html"
    path.write_text("<!doctype html><title>lastcall</title>")
    return path
