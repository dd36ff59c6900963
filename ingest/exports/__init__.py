"""One patient's data in forms that others read: a format a module, each a stream of bounded size. See docs/exports.md."""
