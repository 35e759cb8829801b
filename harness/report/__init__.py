"""From a ranking to what people read: a report as plain data, then HTML, markdown, figures and JSON."""
