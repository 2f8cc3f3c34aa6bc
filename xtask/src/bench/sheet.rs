//! A table that can be shown on a terminal and on a page.

use convnet_report::{Align, Table};

/// Columns and the cells of each row.
#[derive(Debug)]
pub(super) struct Sheet {
    pub(super) columns: &'static [(&'static str, Align)],
    pub(super) rows: Vec<Vec<String>>,
}

impl Sheet {
    /// For a terminal.
    pub(super) fn text(&self) -> String {
        let mut table = Table::new(self.columns);
        self.rows.iter().for_each(|row| table.row(row));
        table.to_string()
    }

    /// For a page.
    pub(super) fn markdown(&self) -> String {
        let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
        let mut text = line(self.columns.iter().map(|(name, _)| name.to_string()).collect());
        let rule = |align: &Align| if *align == Align::Right { "---:" } else { "---" }.to_string();
        text += &line(self.columns.iter().map(|(_, align)| rule(align)).collect());
        for row in &self.rows {
            text += &line(row.iter().map(|cell| plain(cell)).collect());
        }
        text
    }
}

/// Words of another program, which must neither steer a terminal nor end a cell.
pub(super) fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() || c == '|' { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_another_program_stay_in_their_cell() {
        let columns = &[("program", Align::Left), ("pictures/s", Align::Right)];
        let sheet = Sheet { columns, rows: vec![vec!["1 | 2\x1b[31m\n3".into(), "7".into()]] };
        assert_eq!(sheet.markdown(), "| program | pictures/s |\n| --- | ---: |\n| 1   2 [31m 3 | 7 |\n");
        assert!(!sheet.text().contains('\x1b') && sheet.text().lines().count() == 3);
    }
}
