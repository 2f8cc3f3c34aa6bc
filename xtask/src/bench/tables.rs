//! What the results say together: ratios, memory, scaling and every program, as text and as Markdown.

use super::goals::{self, Bounds, Memory};
use super::results::{Results, Section};
use super::row::{Limit, Row};
use super::sheet::{Sheet, plain};
use super::summary::{OURS, Summary, best, summaries};
use super::workload;
use convnet_report::Align::{Left, Right};
use convnet_report::{Align, words};
use std::fmt::Write as _;

/// All programs on one workload and number of threads of one machine.
struct Group<'a> {
    workload: &'a str,
    threads: usize,
    limit: &'a Limit,
    ours: Option<Summary<'a>>,
    /// Those that compute in f32, as ours.
    peers: Vec<Summary<'a>>,
    /// The others.
    record: Vec<Summary<'a>>,
}

/// Most threads first, then the workloads in their order.
fn groups<'a>(sections: &[&'a Section]) -> Vec<Group<'a>> {
    let mut groups: Vec<Group<'a>> = Vec::new();
    for &Section { limit, rows, .. } in sections {
        let mut seen: Vec<&str> = Vec::new();
        for Row { workload, .. } in rows {
            if seen.contains(&&**workload) {
                continue;
            }
            seen.push(workload);
            let programs = summaries(rows.iter().filter(|row| row.workload == *workload));
            let (ours, others): (Vec<_>, Vec<_>) =
                programs.into_iter().partition(|program| program.last.peer == OURS);
            let (peers, record) = others.into_iter().partition(|program| program.last.is_f32());
            let ours = ours.into_iter().next();
            groups.push(Group { workload, threads: limit.threads, limit, ours, peers, record });
        }
    }
    let place = |name: &str| workload::ALL.iter().position(|workload| workload.name == name);
    groups
        .sort_by_key(|group| (std::cmp::Reverse(group.threads), place(group.workload).unwrap_or(usize::MAX)));
    groups
}

impl Group<'_> {
    fn best(&self) -> Option<&Summary<'_>> {
        best(&self.peers)
    }

    fn peer(&self, name: &str) -> Option<&Summary<'_>> {
        self.peers.iter().find(|peer| peer.last.peer == name)
    }

    /// The share of the limit, where somebody counted operations.
    fn share(&self, images_per_s: f64) -> String {
        let operations = self.ours.as_ref().and_then(|ours| ours.last.operations_per_image);
        operations.map_or_else(dash, |operations| {
            format!("{:.0} %", images_per_s * operations / (self.limit.gflops * 1e9) * 100.0)
        })
    }
}

const RATIOS: &[(&str, Align)] = &[
    ("workload", Left),
    ("threads", Right),
    ("ours, pictures/s", Right),
    ("ms", Right),
    ("best f32 peer", Left),
    ("its pictures/s", Right),
    ("ours / it", Right),
    ("must", Right),
    ("aim", Right),
    ("reached", Left),
    ("ours of FMA limit", Right),
    ("it of FMA limit", Right),
];

fn ratios(groups: &[Group<'_>]) -> Sheet {
    let mut rows = Vec::new();
    for group in groups {
        let Some(ours) = &group.ours else { continue };
        let best = group.best();
        let of_best = |text: &dyn Fn(&Summary<'_>) -> String| best.map_or_else(dash, text);
        let ratio = best.map(|best| ours.images_per_s / best.images_per_s);
        let bounds = goals::of(group.workload, group.threads).map(|goal| goal.ratio);
        rows.push(vec![
            group.workload.to_string(),
            group.threads.to_string(),
            rate(ours.images_per_s),
            format!("{:.2}", ours.ms_per_step),
            of_best(&|best| best.last.peer.clone()),
            of_best(&|best| rate(best.images_per_s)),
            ratio.map_or_else(dash, |ratio| format!("{ratio:.2}")),
            bounds.map_or_else(dash, |bounds| bounds.must.to_string()),
            bounds.map_or_else(dash, |bounds| bounds.aim.to_string()),
            bounds.zip(ratio).map_or_else(dash, |(bounds, ratio)| bounds.reached(ratio).into()),
            group.share(ours.images_per_s),
            of_best(&|best| group.share(best.images_per_s)),
        ]);
    }
    Sheet { columns: RATIOS, rows }
}

const MEMORY: &[(&str, Align)] = &[
    ("workload", Left),
    ("threads", Right),
    ("ours, peak MiB", Right),
    ("beside", Left),
    ("its peak MiB", Right),
    ("ours / it", Right),
    ("must", Right),
    ("aim", Right),
    ("reached", Left),
];

/// Only of workloads with a goal for memory.
fn memory(groups: &[Group<'_>]) -> Sheet {
    let mut rows = Vec::new();
    for group in groups {
        let goal = goals::of(group.workload, group.threads).and_then(|goal| goal.memory);
        let (Some(goal), Some(ours)) = (goal, &group.ours) else { continue };
        let figures = match goal {
            Memory::Share { peer, bounds } => {
                let its = group.peer(peer).and_then(|peer| peer.peak_mib);
                let share = ours.peak_mib.zip(its).map(|(ours, its)| ours / its);
                [
                    peer.into(),
                    mib(its),
                    share.map_or_else(dash, |share| format!("{share:.2}")),
                    bounds.must.to_string(),
                    bounds.aim.to_string(),
                    share.map_or_else(dash, |share| bounds.kept(share).into()),
                ]
            }
            Memory::AtMost(most) => {
                let bounds = Bounds { must: most, aim: f64::NEG_INFINITY };
                let kept = ours.peak_mib.map_or_else(dash, |mib| bounds.kept(mib).into());
                [dash(), dash(), dash(), format!("{most} MiB"), dash(), kept]
            }
        };
        let first = [group.workload.to_string(), group.threads.to_string(), mib(ours.peak_mib)];
        rows.push(first.into_iter().chain(figures).collect());
    }
    Sheet { columns: MEMORY, rows }
}

const SCALING: &[(&str, Align)] = &[
    ("workload", Left),
    ("program", Left),
    ("threads", Right),
    ("pictures/s", Right),
    ("as many times as on 1", Right),
    ("the FMA limit", Right),
];

/// Ours, and the best peer of the larger number of threads, beside themselves on one thread.
fn scaling(groups: &[Group<'_>]) -> Sheet {
    let mut rows = Vec::new();
    for group in groups.iter().filter(|group| group.threads > 1) {
        let alone = groups.iter().find(|other| other.threads == 1 && other.workload == group.workload);
        let Some(alone) = alone else { continue };
        let peer = group.best().and_then(|best| Some((best, alone.peer(&best.last.peer)?)));
        for (many, one) in group.ours.as_ref().zip(alone.ours.as_ref()).into_iter().chain(peer) {
            rows.push(vec![
                group.workload.to_string(),
                many.last.peer.clone(),
                group.threads.to_string(),
                format!("{} → {}", rate(one.images_per_s), rate(many.images_per_s)),
                format!("{:.2}", many.images_per_s / one.images_per_s),
                format!("{:.2}", group.limit.gflops / alone.limit.gflops),
            ]);
        }
    }
    Sheet { columns: SCALING, rows }
}

const PROGRAMS: &[(&str, Align)] = &[
    ("workload", Left),
    ("threads", Right),
    ("program", Left),
    ("version", Left),
    ("pictures/s", Right),
    ("ms per step", Right),
    ("ours / it", Right),
    ("of FMA limit", Right),
    ("peak MiB", Right),
    ("runs", Right),
    ("disturbed", Right),
];

/// Every program that computes in f32.
fn programs(groups: &[Group<'_>]) -> Sheet {
    let rows = |group: &Group<'_>| program_rows(group, group.ours.iter().chain(&group.peers));
    Sheet { columns: PROGRAMS, rows: groups.iter().flat_map(rows).collect() }
}

/// Ours in f32 beside those that compute with shorter numbers.
fn record(groups: &[Group<'_>]) -> Sheet {
    let rows = |group: &Group<'_>| program_rows(group, &group.record);
    Sheet { columns: PROGRAMS, rows: groups.iter().flat_map(rows).collect() }
}

fn program_rows<'s, 'a: 's>(
    group: &Group<'_>,
    programs: impl IntoIterator<Item = &'s Summary<'a>>,
) -> Vec<Vec<String>> {
    let row = |program: &Summary<'_>| {
        let ran = program.last.ran.as_ref().map(|ran| format!("; ran {ran}"));
        let convolution = program.last.convolution.as_ref().map(|algorithm| format!("; {algorithm}"));
        vec![
            group.workload.to_string(),
            group.threads.to_string(),
            program.last.peer.clone(),
            format!("{}{}{}", program.last.version, convolution.unwrap_or_default(), ran.unwrap_or_default()),
            rate(program.images_per_s),
            format!("{:.2} ({:.2}–{:.2})", program.ms_per_step, program.ms_min, program.ms_max),
            group
                .ours
                .as_ref()
                .map_or_else(dash, |ours| format!("{:.2}", ours.images_per_s / program.images_per_s)),
            group.share(program.images_per_s),
            mib(program.peak_mib),
            program.runs.to_string(),
            program.disturbed.to_string(),
        ]
    };
    programs.into_iter().map(row).collect()
}

/// What the figures of a machine are of, in a line each.
fn notes(sections: &[&Section]) -> Vec<String> {
    let mut notes = Vec::new();
    for Section { limit, rows, .. } in sections {
        let Limit { threads, isa, one_thread_gflops, gflops, date, version, .. } = limit;
        let mut names: Vec<&str> = rows.iter().map(|row| &*row.workload).collect();
        names.dedup();
        notes.push(format!(
            "{date}, {version}, {}: {}. FMA limit, {isa}: {one_thread_gflops:.0} GFLOP/s on one thread, {gflops:.0} on {threads}.",
            counted(*threads),
            plain(&names.join(", "))
        ));
    }
    let rows = || sections.iter().flat_map(|section| &section.rows);
    let disturbed = rows().filter(|row| row.disturbed).count();
    if disturbed > 0 {
        notes.push(format!(
            "{disturbed} of {} runs were disturbed by other processes; they count only where a program has no other.",
            rows().count()
        ));
    }
    for absent in sections.iter().flat_map(|section| &section.absent) {
        let (workload, peer) = (plain(&absent.workload), plain(&absent.peer));
        notes.push(format!(
            "{workload}, {}: {peer} is absent: {}.",
            counted(absent.threads),
            plain(&absent.absent)
        ));
    }
    notes
}

fn counted(threads: usize) -> String {
    if threads == 1 { "1 thread".to_string() } else { format!("{threads} threads") }
}

fn machine(sections: &[&Section]) -> String {
    let Some(Limit { machine, isa, .. }) = sections.first().map(|section| &section.limit) else {
        return String::new();
    };
    let memory = machine.memory_mib.map_or_else(String::new, |mib| format!(", {mib:.0} MiB"));
    let (cpu, isa, system) = (plain(&machine.cpu), plain(isa), plain(&machine.system));
    format!("{cpu} ({isa}), {} cores{memory}, {system}", machine.cores)
}

/// For a terminal: what is known of one machine.
pub(super) fn text(sections: &[&Section]) -> String {
    let groups = groups(sections);
    let mut text = format!("{}\n\n", machine(sections));
    for sheet in [programs(&groups), record(&groups), scaling(&groups), memory(&groups), ratios(&groups)] {
        if !sheet.rows.is_empty() {
            text += &format!("{}\n", sheet.text());
        }
    }
    text + &notes(sections).join("\n")
}

const INTRODUCTION: &str = "\
Medians over the runs of the best software that we know and of ours in turn, each run in a process of its own. Operations are
counted as the direct convolution makes them, two per multiply-add; the FMA limit is that of multiply-adds that never wait for
memory, measured just before. Ours trains through `fit`, batches made from bytes included, and predicts through `Model::predict`.
`start` is a whole process up to the end of its first training step. A peer far below the best one has one run only.";

/// For a page: every machine.
pub(super) fn markdown(results: &Results) -> String {
    let mut page = format!("# Our workloads beside the peers\n\n{INTRODUCTION}\n");
    for sections in results.machines() {
        let groups = groups(&sections);
        // Writing into a String cannot fail.
        let _ = write!(page, "\n## {}\n", machine(&sections));
        let goals = "Rates. The goals hold on 2 threads, those of `decode` and `augment` on 1, and were set on AMD Zen 4; on another processor the first five rows must reach 2.";
        for (title, sheet) in [
            (goals, ratios(&groups)),
            ("Peak memory.", memory(&groups)),
            ("From one thread to more.", scaling(&groups)),
            ("Every program; in brackets the shortest and the longest round.", programs(&groups)),
            (
                "For the record: beside programs asked for numbers of 16 bits (bf16); what they say they used stands behind the version.",
                record(&groups),
            ),
        ] {
            if !sheet.rows.is_empty() {
                let _ = write!(page, "\n{title}\n\n{}", sheet.markdown());
            }
        }
        page.push('\n');
        for note in notes(&sections) {
            let _ = writeln!(page, "- {note}");
        }
    }
    page
}

/// Pictures per second, with a decimal where it matters.
fn rate(value: f64) -> String {
    if value < 99.95 { format!("{value:.1}") } else { words::rate(value) }
}

fn mib(value: Option<f64>) -> String {
    value.map_or_else(dash, |mib| words::count(mib.round() as u64))
}

fn dash() -> String {
    "–".to_string()
}

#[cfg(test)]
mod tests {
    use super::super::results::tests::limit;
    use super::super::row::Absent;
    use super::super::summary::tests::run;
    use super::*;

    fn ours(workload: &str, threads: usize, rate: f64, mib: f64) -> Row {
        Row {
            threads,
            peak_rss_mib: Some(mib),
            operations_per_image: Some(16.4e6),
            ..run(workload, OURS, rate, false)
        }
    }

    fn two_threads() -> Section {
        Section {
            rows: vec![
                ours("mnist_train", 2, 10_000.0, 50.0),
                run("mnist_train", "torch-eager", 4_000.0, true),
                run("mnist_train", "keras-fit", 2_500.0, false),
                run("mnist_train", "keras-bf16", 20_000.0, false),
            ],
            absent: vec![Absent::new("mnist_train", "candle", 2, "peer-candle is not there")],
            ..Section::new(limit("A Fast One", 2, "monday"))
        }
    }

    #[test]
    fn the_ratio_is_to_the_best_peer_in_f32_and_held_to_the_goals() {
        let section = two_threads();
        let groups = groups(&[&section]);
        let expected = [
            "mnist_train",
            "2",
            "10,000",
            "6.40",
            "torch-eager",
            "4,000",
            "2.50",
            "3.5",
            "5",
            "no",
            "70 %",
            "28 %",
        ];
        assert_eq!(ratios(&groups).rows, [expected]);
        assert_eq!(
            memory(&groups).rows,
            [["mnist_train", "2", "50", "keras-fit", "565", "0.09", "0.2", "0.1", "aim"]]
        );
        let keras = programs(&groups).rows.pop().unwrap();
        let expected = [
            "mnist_train",
            "2",
            "keras-fit",
            "tf 2.21 keras 3.15",
            "2,500",
            "25.60 (23.04–38.40)",
            "4.00",
            "18 %",
            "565",
            "1",
            "0",
        ];
        assert_eq!(keras, expected);
        assert_eq!(record(&groups).rows.len(), 1);
        assert_eq!(record(&groups).rows[0][2], "keras-bf16");
        assert!(scaling(&groups).rows.is_empty());
    }

    #[test]
    fn one_thread_has_no_goals_and_two_are_compared_with_it() {
        let (two, mut one) = (two_threads(), Section::new(limit("A Fast One", 1, "monday")));
        one.rows = vec![
            ours("mnist_train", 1, 6_250.0, 50.0),
            Row { threads: 1, ..run("mnist_train", "torch-eager", 2_500.0, false) },
        ];
        let groups = groups(&[&one, &two]);
        assert_eq!(groups.iter().map(|group| group.threads).collect::<Vec<_>>(), [2, 1]);
        assert_eq!(ratios(&groups).rows[1][6..10], ["2.50", "–", "–", "–"]);
        assert_eq!(memory(&groups).rows.len(), 1);
        assert_eq!(
            scaling(&groups).rows,
            [
                ["mnist_train", "convnet", "2", "6,250 → 10,000", "1.60", "2.00"],
                ["mnist_train", "torch-eager", "2", "2,500 → 4,000", "1.60", "2.00"]
            ]
        );
    }

    #[test]
    fn a_bound_in_mib_needs_no_peer_and_without_peers_there_is_no_ratio() {
        let mut section = Section::new(limit("A Fast One", 2, "monday"));
        section.rows =
            vec![ours("vgg16_finetune_step", 2, 20.0, 451.0), ours("vgg16_forward", 2, 20.0, 100.0)];
        let groups = groups(&[&section]);
        assert_eq!(memory(&groups).rows[0][3..], ["openvino-f32", "–", "–", "1", "0.75", "–"]);
        assert_eq!(memory(&groups).rows[1][3..], ["–", "–", "–", "450 MiB", "–", "no"]);
        assert_eq!(ratios(&groups).rows[0][4..10], ["–", "–", "–", "2.4", "3", "–"]);
    }

    #[test]
    fn both_forms_say_what_was_measured_where() {
        let mut results = Results::default();
        results.replace("mnist_train", two_threads());
        let mut other = two_threads();
        other.limit = limit("A Slow One", 2, "tuesday");
        results.replace("mnist_train", other);
        let page = markdown(&results);
        assert_eq!(page.matches("\n## ").count(), 2);
        let machine = &results.machines()[0];
        for part in
            ["1 of 4 runs were disturbed", "candle is absent", "A Fast One", "234 on 2", "monday, 0.1.0"]
        {
            assert!(text(machine).contains(part) && page.contains(part), "{part}: {page}");
        }
        assert!(page.contains("A Slow One") && !text(machine).contains("A Slow One"));
        let is_whole = |line: &&str| line.starts_with("| mnist_train | 2 | convnet |");
        assert_eq!(page.lines().filter(is_whole).count(), 2);
    }
}
