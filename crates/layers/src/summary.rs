//! The table that shows a network at a glance, as Keras prints it.

use crate::layer::Role;
use crate::model::Model;
use std::fmt;

/// One layer of a [`Summary`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SummaryRow {
    /// The layer's path.
    pub path: String,
    /// Its class.
    pub class: &'static str,
    /// The shape of its output, without the batch axis.
    pub output: convnet_tensor::Shape,
    /// How many numbers it keeps.
    pub parameters: usize,
    /// Whether it learns; `None` when it has nothing to learn.
    pub trainable: Option<bool>,
}

/// A network at a glance; its `Display` is the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// A row per layer.
    pub rows: Vec<SummaryRow>,
    /// Numbers that learn.
    pub trainable: usize,
    /// Numbers that do not: frozen weights and statistics.
    pub non_trainable: usize,
    /// Bytes of all layers' outputs for one picture: what a forward pass that keeps everything needs.
    pub activation_bytes: usize,
}

impl Summary {
    /// All numbers that the network keeps.
    pub fn parameters(&self) -> usize {
        self.trainable + self.non_trainable
    }
}

impl Model {
    /// The network at a glance: shapes, parameters, what learns, and memory.
    pub fn summary(&self) -> Summary {
        let mut summary = Summary { rows: Vec::new(), trainable: 0, non_trainable: 0, activation_bytes: 0 };
        for step in &self.graph.steps {
            let own = &self.parameters[step.parameters.clone()];
            let count = |learned: bool| -> usize {
                own.iter().filter(|p| p.is_learned() == learned).map(|parameter| parameter.value.size()).sum()
            };
            let has_weights = own.iter().any(|parameter| parameter.role == Role::Weight);
            summary.trainable += count(true);
            summary.non_trainable += count(false);
            summary.activation_bytes += step.output.size() * size_of::<f32>();
            summary.rows.push(SummaryRow {
                path: step.path.to_string(),
                class: step.layer.class(),
                output: step.output,
                parameters: count(true) + count(false),
                trainable: has_weights.then(|| own.iter().any(crate::Parameter::is_learned)),
            });
        }
        summary
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let heads = ["Layer (type)", "Output shape", "Param #", "Trainable"];
        let cells: Vec<[String; 4]> = self
            .rows
            .iter()
            .map(|row| {
                let shape = row.output.iter().map(|extent| format!(", {extent}")).collect::<String>();
                let trainable = row.trainable.map_or("–", |trainable| if trainable { "yes" } else { "no" });
                [
                    format!("{} ({})", row.path, row.class),
                    format!("(N{shape})"),
                    thousands(row.parameters),
                    trainable.into(),
                ]
            })
            .collect();
        let width = |column: usize| {
            cells
                .iter()
                .map(|row| row[column].chars().count())
                .chain([heads[column].len()])
                .max()
                .unwrap_or(0)
        };
        let widths = [0, 1, 2, 3].map(width);
        let rule = |f: &mut fmt::Formatter<'_>, [left, middle, right]: [char; 3], line: &str| {
            let lines = widths.map(|width| line.repeat(width + 2));
            writeln!(f, "{left}{}{right}", lines.join(&middle.to_string()))
        };
        let row = |f: &mut fmt::Formatter<'_>, cells: [&str; 4]| {
            let [a, b, c, d] = widths;
            writeln!(f, "│ {:<a$} │ {:<b$} │ {:>c$} │ {:<d$} │", cells[0], cells[1], cells[2], cells[3])
        };
        rule(f, ['┌', '┬', '┐'], "─")?;
        row(f, heads)?;
        rule(f, ['├', '┼', '┤'], "─")?;
        for cells in &cells {
            row(f, [&cells[0], &cells[1], &cells[2], &cells[3]])?;
        }
        rule(f, ['└', '┴', '┘'], "─")?;
        let counted =
            |numbers: usize| format!("{} ({})", thousands(numbers), bytes(numbers * size_of::<f32>()));
        writeln!(f, "Total params: {}", counted(self.parameters()))?;
        writeln!(f, "Trainable params: {}", counted(self.trainable))?;
        writeln!(f, "Non-trainable params: {}", counted(self.non_trainable))?;
        write!(f, "Activations per picture: {}", bytes(self.activation_bytes))
    }
}

/// 93322 as "93,322".
fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut grouped = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// Bytes in the largest unit that leaves a number of at least one.
fn bytes(count: usize) -> String {
    match count {
        0..1024 => format!("{count} B"),
        1024..0x10_0000 => format!("{:.2} KiB", count as f64 / 1024.0),
        0x10_0000..0x4000_0000 => format!("{:.2} MiB", count as f64 / 1_048_576.0),
        _ => format!("{:.2} GiB", count as f64 / 1_073_741_824.0),
    }
}
