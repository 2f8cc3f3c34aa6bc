//! The files of the page, part of the program.

use super::refusal::Refusal;
use axum::extract::Path;
use axum::http::header::CONTENT_TYPE;
use axum::response::{Html, IntoResponse, Response};

const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

/// Name, kind and text of each.
const ASSETS: &[(&str, &str, &str)] = &[
    ("style.css", STYLE, include_str!("page/style.css")),
    ("icon.svg", "image/svg+xml", include_str!("page/icon.svg")),
    ("main.js", SCRIPT, include_str!("page/main.js")),
    ("ask.js", SCRIPT, include_str!("page/ask.js")),
    ("state.js", SCRIPT, include_str!("page/state.js")),
    ("paint.js", SCRIPT, include_str!("page/paint.js")),
    ("choose.js", SCRIPT, include_str!("page/choose.js")),
    ("pad.js", SCRIPT, include_str!("page/pad.js")),
    ("look.js", SCRIPT, include_str!("page/look.js")),
    ("sliders.js", SCRIPT, include_str!("page/sliders.js")),
    ("layers.js", SCRIPT, include_str!("page/layers.js")),
    ("filters.js", SCRIPT, include_str!("page/filters.js")),
    ("similar.js", SCRIPT, include_str!("page/similar.js")),
    ("playground.js", SCRIPT, include_str!("page/playground.js")),
];

/// The page itself.
pub(super) async fn page() -> Html<&'static str> {
    Html(include_str!("page/index.html"))
}

/// One of its files, by its name in the program: none of the disk is ever opened.
pub(super) async fn asset(Path(name): Path<String>) -> Result<Response, Refusal> {
    let found = ASSETS.iter().find(|(known, ..)| *known == name);
    let (_, kind, text) = found.ok_or_else(|| Refusal::unknown("the page has no such file"))?;
    Ok(([(CONTENT_TYPE, *kind)], *text).into_response())
}
