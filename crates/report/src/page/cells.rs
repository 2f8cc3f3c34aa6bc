//! The pictures behind the cells of a confusion matrix: one sheet in a dialog, of which `script/cells.js` shows a row.

use maud::{Markup, html};
use serde_json::json;

use super::inline;
use crate::Cells;

pub(super) struct Opened {
    pub(super) dialog: Markup,
    /// For the script: the size of a picture, and the cell of each row.
    pub(super) json: String,
}

/// The dialog, and what the script needs; `None` where the sheet is not there or is no PNG.
pub(super) fn dialog(cells: &Cells, figures: &dyn Fn(&str) -> Option<Vec<u8>>) -> Option<Opened> {
    let bytes = figures(&cells.pictures).filter(|bytes| bytes.starts_with(b"\x89PNG"))?;
    let (sheet, _) = inline::figure(&bytes, "pictures of this cell")?;
    let dialog = html! {
        dialog { p {} div.crop { (sheet) } form method="dialog" { button { "Close" } } }
    };
    Some(Opened { dialog, json: json!({ "size": cells.size, "rows": cells.rows }).to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Picture;

    #[test]
    fn only_a_png_that_is_there_opens() {
        let cells = Cells { pictures: "a.png".into(), size: [28, 28], rows: vec![[0, 1, 2]] };
        let png = Picture::new(56, 28, 1, vec![0; 56 * 28]).unwrap().to_png().unwrap();
        let opened = dialog(&cells, &|path| (path == "a.png").then(|| png.clone())).unwrap();
        assert!(opened.dialog.0.contains("<dialog>") && opened.dialog.0.contains("data:image/png"));
        assert_eq!(opened.json, r#"{"rows":[[0,1,2]],"size":[28,28]}"#);
        assert!(dialog(&cells, &|_| None).is_none());
        assert!(dialog(&cells, &|_| Some(b"<svg></svg>".to_vec())).is_none());
    }
}
