"""From traces to verdicts, and from a verdict to words for a person."""
