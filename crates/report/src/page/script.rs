//! The page's script: plain files, one after the other, and the only code that the page may run.

use base64::{Engine as _, prelude::BASE64_STANDARD};
use maud::{Markup, PreEscaped, html};
use sha2::{Digest as _, Sha256};

/// All of it. Each file stands on those before it.
const SCRIPT: &str = concat!(
    "\"use strict\";\n",
    include_str!("script/element.js"),
    include_str!("script/curves.js"),
    include_str!("script/cells.js"),
    include_str!("script/network.js"),
    include_str!("script/drawing.js"),
    include_str!("script/maps.js"),
    include_str!("script/explain.js"),
    include_str!("script/window.js"),
    include_str!("script/pad.js"),
    include_str!("script/panels.js"),
    include_str!("script/live.js"),
);

/// What the page may do, whatever the results file holds: load nothing, and run this one script, known by its checksum.
pub(super) fn policy() -> String {
    let checksum = BASE64_STANDARD.encode(Sha256::digest(SCRIPT));
    format!(
        "default-src 'none'; script-src 'sha256-{checksum}'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; \
         form-action 'none'"
    )
}

/// The element, for the end of the page.
pub(super) fn element() -> Markup {
    html! { script { (PreEscaped(SCRIPT)) } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_the_script_ends_it_or_reaches_out() {
        let lower = SCRIPT.to_lowercase();
        let unwanted = [
            "</script",
            "<!--",
            "fetch(",
            "xmlhttprequest",
            "import(",
            "eval(",
            "innerhtml",
            "http:",
            "https:",
        ];
        for word in unwanted {
            assert!(!lower.contains(word), "{word}");
        }
    }
}
