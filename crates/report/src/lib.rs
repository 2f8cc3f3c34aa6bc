//! Progress lines, charts, results.json and the page.
#![forbid(unsafe_code)]
