//! The file of results: lines that say what was found on each machine.

use super::row::{Absent, Limit, Row};
use serde::{Deserialize, Serialize};

/// A line of the file.
#[derive(Debug, Deserialize, Serialize)]
#[serde(untagged)]
pub(super) enum Line {
    Limit(Limit),
    Absent(Absent),
    Row(Row),
}

/// Runs on one machine and one number of threads that share the limit measured before them.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Section {
    pub(super) limit: Limit,
    pub(super) rows: Vec<Row>,
    pub(super) absent: Vec<Absent>,
}

/// The last section of so many threads.
fn last(sections: &mut [Section], threads: usize) -> Result<&mut Section, &'static str> {
    let last = sections.iter_mut().rev().find(|section| section.limit.threads == threads);
    last.ok_or("has no limit of as many threads before it")
}

/// Everything that is known, of all machines.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Results {
    pub(super) sections: Vec<Section>,
}

impl Section {
    /// Without any run yet.
    pub(super) fn new(limit: Limit) -> Section {
        Section { limit, rows: Vec::new(), absent: Vec::new() }
    }

    fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.absent.is_empty()
    }
}

impl Results {
    /// Reads lines: each run belongs to the last limit before it of as many threads.
    ///
    /// # Errors
    /// In words, which line is none of ours.
    pub(super) fn parse(text: &str) -> Result<Results, String> {
        let mut sections: Vec<Section> = Vec::new();
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let wrong = |what| format!("line {} {what}", number + 1);
            let line = serde_json::from_str(line).map_err(|_| wrong("is no line of this program"))?;
            match line {
                Line::Limit(limit) => sections.push(Section::new(limit)),
                Line::Absent(absent) => {
                    last(&mut sections, absent.threads).map_err(wrong)?.absent.push(absent)
                }
                Line::Row(row) if row.is_sound() => {
                    last(&mut sections, row.threads).map_err(wrong)?.rows.push(row);
                }
                Line::Row(_) => return Err(wrong("has a figure that no run can have")),
            }
        }
        Ok(Results { sections })
    }

    /// The lines.
    pub(super) fn text(&self) -> serde_json::Result<String> {
        let mut text = String::new();
        for Section { limit, rows, absent } in &self.sections {
            let lines = std::iter::once(serde_json::to_string(limit))
                .chain(absent.iter().map(serde_json::to_string))
                .chain(rows.iter().map(serde_json::to_string));
            for line in lines {
                text += &line?;
                text.push('\n');
            }
        }
        Ok(text)
    }

    /// Puts what was found of `workload` in the place of all that was known of it on this machine and number of threads.
    pub(super) fn replace(&mut self, workload: &str, found: Section) {
        let threads = found.limit.threads;
        for section in &mut self.sections {
            if section.limit.threads == threads && section.limit.is_of_machine(&found.limit) {
                section.rows.retain(|row| row.workload != workload);
                section.absent.retain(|absent| absent.workload != workload);
            }
        }
        match self.sections.iter_mut().find(|section| section.limit == found.limit) {
            Some(section) => {
                section.rows.extend(found.rows);
                section.absent.extend(found.absent);
            }
            None => self.sections.push(found),
        }
        self.sections.retain(|section| !section.is_empty());
    }

    /// The sections of each machine, machines in the order in which they first come.
    pub(super) fn machines(&self) -> Vec<Vec<&Section>> {
        let mut machines: Vec<Vec<&Section>> = Vec::new();
        for section in &self.sections {
            match machines.iter_mut().find(|of| of[0].limit.is_of_machine(&section.limit)) {
                Some(machine) => machine.push(section),
                None => machines.push(vec![section]),
            }
        }
        machines
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::summary::{OURS, tests::run};
    use super::*;

    pub(crate) fn limit(cpu: &str, threads: usize, date: &str) -> Limit {
        Limit {
            limit: "fma".into(),
            threads,
            isa: "avx2".into(),
            one_thread_gflops: 117.0,
            gflops: 117.0 * threads as f64,
            machine: convnet_report::Machine { cpu: cpu.into(), cores: 2, ..Default::default() },
            date: date.into(),
            version: "0.1.0".into(),
        }
    }

    fn section(cpu: &str, threads: usize, date: &str, workload: &str, rate: f64) -> Section {
        let row = Row { threads, ..run(workload, OURS, rate, false) };
        let absent = vec![Absent::new(workload, "candle", threads, "it is not there")];
        Section { limit: limit(cpu, threads, date), rows: vec![row], absent }
    }

    #[test]
    fn a_workload_is_replaced_on_its_machine_and_number_of_threads_only() {
        let mut results = Results::default();
        results.replace("a", section("old", 2, "monday", "a", 1.0));
        results.replace("b", section("old", 2, "monday", "b", 2.0));
        results.replace("a", section("old", 1, "monday", "a", 3.0));
        results.replace("a", section("new", 2, "monday", "a", 4.0));
        assert_eq!(results.sections.len(), 3);
        results.replace("a", section("old", 2, "tuesday", "a", 5.0));
        let found: Vec<_> = results
            .sections
            .iter()
            .map(|s| {
                (
                    &*s.limit.machine.cpu,
                    s.limit.threads,
                    &*s.limit.date,
                    s.rows[0].images_per_s,
                    s.absent.len(),
                )
            })
            .collect();
        let expected = [
            ("old", 2, "monday", 2.0, 1),
            ("old", 1, "monday", 3.0, 1),
            ("new", 2, "monday", 4.0, 1),
            ("old", 2, "tuesday", 5.0, 1),
        ];
        assert_eq!(found, expected);
        // The last workload of a section takes the section with it.
        results.replace("b", section("old", 2, "tuesday", "b", 6.0));
        assert_eq!(results.sections.len(), 3);
        assert_eq!(results.machines().iter().map(Vec::len).collect::<Vec<_>>(), [2, 1]);
        assert_eq!(Results::parse(&results.text().unwrap()), Ok(results));
    }

    #[test]
    fn lines_of_another_program_are_told() {
        let results = Results { sections: vec![section("old", 2, "monday", "a", 1.0)] };
        let text = results.text().unwrap();
        assert_eq!(Results::parse("\n"), Ok(Results::default()));
        let message = |text: &str| Results::parse(text).unwrap_err();
        assert_eq!(message(&format!("{text}# Title\n")), "line 4 is no line of this program");
        assert_eq!(message("{\"a\": 1}"), "line 1 is no line of this program");
        let rows = text.split_once('\n').unwrap().1;
        assert_eq!(message(rows), "line 1 has no limit of as many threads before it");
        let negative = text.replace("\"images_per_s\":1.0", "\"images_per_s\":-1.0");
        assert_eq!(message(&negative), "line 3 has a figure that no run can have");
    }
}
