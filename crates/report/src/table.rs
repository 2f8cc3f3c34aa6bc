//! Plain text tables with aligned columns, the same on a terminal and in a file.

use std::fmt;

/// To which side the cells of a column lean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// A table; its `Display` has one line per row, columns two spaces apart, and no trailing blanks.
///
/// ```
/// use convnet_report::{Align, Table};
/// let mut table = Table::new(&[("layer", Align::Left), ("parameters", Align::Right)]);
/// table.row(["conv2d", "320"]);
/// table.row(["conv2d_1", "18,496"]);
/// assert_eq!(table.to_string(), "\
/// layer     parameters
/// --------  ----------
/// conv2d           320
/// conv2d_1      18,496
/// ");
/// ```
#[derive(Clone, Debug)]
pub struct Table {
    aligns: Vec<Align>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// An empty table with these column names.
    pub fn new(columns: &[(&str, Align)]) -> Self {
        let names = columns.iter().map(|&(name, _)| one_line(name)).collect();
        Self { aligns: columns.iter().map(|&(_, align)| align).collect(), rows: vec![names] }
    }

    /// Adds a row; cells that are missing stay empty and cells beyond the last column are left out.
    pub fn row<C: AsRef<str>>(&mut self, cells: impl IntoIterator<Item = C>) {
        let mut row: Vec<_> =
            cells.into_iter().take(self.aligns.len()).map(|cell| one_line(cell.as_ref())).collect();
        row.resize(self.aligns.len(), String::new());
        self.rows.push(row);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths: Vec<_> = (0..self.aligns.len())
            .map(|column| self.rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0))
            .collect();
        for (number, row) in self.rows.iter().enumerate() {
            let mut line = String::new();
            for ((cell, &width), align) in row.iter().zip(&widths).zip(&self.aligns) {
                match align {
                    Align::Left => line += &format!("{cell:<width$}  "),
                    Align::Right => line += &format!("{cell:>width$}  "),
                }
            }
            writeln!(f, "{}", line.trim_end())?;
            if number == 0 {
                let rule: Vec<_> = widths.iter().map(|&width| "-".repeat(width)).collect();
                writeln!(f, "{}", rule.join("  ").trim_end())?;
            }
        }
        Ok(())
    }
}

/// A cell stays on its line, keeps its direction and cannot steer the terminal, whatever file its text came from.
pub(crate) fn one_line(text: &str) -> String {
    let turns = |c: char| matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
    text.chars().map(|c| if c.is_control() || turns(c) { ' ' } else { c }).collect()
}

/// Text of several lines that cannot steer a terminal, whatever names of files are in it: control characters other than ends of
/// lines and tabs become blanks.
///
/// ```
/// assert_eq!(convnet_report::printable("a\x1b[31m.jpg\tred\n"), "a [31m.jpg\tred\n");
/// ```
pub fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && !['\n', '\t'].contains(&c) { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_align_and_rows_end_clean() {
        let mut table = Table::new(&[("id", Align::Left), ("accuracy", Align::Right), ("data", Align::Left)]);
        table.row(["5.1", "99.12 %", "MNIST"]);
        table.row(["5.1-dense", "7 %"]);
        let expected = "\
id         accuracy  data
---------  --------  -----
5.1         99.12 %  MNIST
5.1-dense       7 %
";
        assert_eq!(table.to_string(), expected);
    }

    #[test]
    fn hostile_cells_stay_on_their_line() {
        let mut table = Table::new(&[("id", Align::Left)]);
        table.row(["a\x1b[31m\nb"]);
        table.row(["x", "beyond the last column"]);
        let text = table.to_string();
        assert_eq!(text.lines().count(), 4);
        assert!(!text.contains('\x1b') && !text.contains("beyond"));
    }
}
