"""From traces to verdicts, and from a verdict to an explanation for a person."""
