//! Progress of long work: what runs, how far it is, how fast, and how long it will still take.

use std::io::{self, IsTerminal as _, Stderr, Write};
use std::time::{Duration, Instant};

use crate::table::one_line;
use crate::words;

/// How progress is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A bar that is redrawn in place, at most `width` columns wide; escape sequences only with `colour`.
    Terminal {
        /// Columns to use.
        width: usize,
        /// Whether to colour the bar.
        colour: bool,
    },
    /// Whole lines without control characters, few enough for a log file.
    Plain,
}

impl Mode {
    /// A bar where standard error is a terminal that can redraw a line, without colour where `NO_COLOR` is set and not
    /// empty (<https://no-color.org>); plain lines elsewhere.
    pub fn of_stderr() -> Self {
        let width = terminal_size::terminal_size_of(io::stderr()).map(|(width, _)| usize::from(width.0));
        Self::fitting(io::stderr().is_terminal(), width, |name| std::env::var(name).ok())
    }

    fn fitting(terminal: bool, width: Option<usize>, variable: impl Fn(&str) -> Option<String>) -> Self {
        let variable = |name| variable(name).filter(|value| !value.is_empty());
        let kind = variable("TERM");
        if !terminal || kind.as_deref() == Some("dumb") {
            return Self::Plain;
        }
        // A terminal that does not say what it is may not know escape sequences.
        let colour = kind.is_some() && variable("NO_COLOR").is_none();
        Self::Terminal { width: width.unwrap_or(80).clamp(20, 120), colour }
    }

    /// The least time between two redrawings or lines.
    fn pause(self) -> Duration {
        match self {
            Self::Terminal { .. } => Duration::from_millis(100),
            Self::Plain => Duration::from_secs(10),
        }
    }
}

/// Reports phase after phase to a sink, normally standard error.
///
/// A sink that fails is ignored: a closed terminal does not stop a training run.
///
/// ```
/// use convnet_report::{Mode, Progress};
/// use std::time::Duration;
/// let mut lines = Vec::new();
/// let mut progress = Progress::new(&mut lines, Mode::Plain, || Duration::ZERO);
/// progress.start("5.1 epoch 1/5", 60_000, "pictures");
/// progress.advance(60_000);
/// progress.finish();
/// drop(progress);
/// assert_eq!(lines, b"5.1 epoch 1/5: 60,000 pictures in 0.0 s\n");
/// ```
pub struct Progress<W: Write = Stderr> {
    sink: W,
    mode: Mode,
    clock: Box<dyn Fn() -> Duration + Send>,
    phase: Option<Phase>,
    /// Columns of the line that stands on the terminal unfinished.
    drawn: usize,
}

struct Phase {
    name: String,
    total: u64,
    unit: String,
    done: u64,
    /// Done before the phase began, in an interrupted run.
    skipped: u64,
    note: String,
    began: Duration,
    shown: Duration,
}

impl Progress {
    /// Progress on standard error, in the mode that fits it.
    pub fn stderr() -> Self {
        let began = Instant::now();
        Self::new(io::stderr(), Mode::of_stderr(), move || began.elapsed())
    }
}

impl<W: Write> Progress<W> {
    /// Progress written to `sink`; `clock` tells the time since any fixed moment.
    pub fn new(sink: W, mode: Mode, clock: impl Fn() -> Duration + Send + 'static) -> Self {
        Self { sink, mode, clock: Box::new(clock), phase: None, drawn: 0 }
    }

    /// Begins a phase of `total` units (`"pictures"`, `"steps"`, `"MiB"`), ending the one before; a total of 0 is unknown.
    pub fn start(&mut self, phase: &str, total: u64, unit: &str) {
        self.finish();
        let now = (self.clock)();
        self.phase = Some(Phase {
            name: one_line(phase),
            total,
            unit: one_line(unit),
            done: 0,
            skipped: 0,
            note: String::new(),
            began: now,
            shown: now,
        });
        if matches!(self.mode, Mode::Terminal { .. }) {
            self.draw(now);
        }
    }

    /// Counts `units` that an earlier run has done: they move the bar and leave the rate alone.
    pub fn skip(&mut self, units: u64) {
        if let Some(phase) = &mut self.phase {
            phase.skipped = phase.skipped.saturating_add(units);
            phase.done = phase.done.saturating_add(units);
        }
    }

    /// Counts `units` as done, and shows it if the last showing is long enough ago.
    pub fn advance(&mut self, units: u64) {
        let now = (self.clock)();
        let pause = self.mode.pause();
        let Some(phase) = &mut self.phase else { return };
        phase.done = phase.done.saturating_add(units);
        if now.saturating_sub(phase.shown) < pause {
            return;
        }
        phase.shown = now;
        match self.mode {
            Mode::Terminal { .. } => self.draw(now),
            Mode::Plain => {
                let text = phase.line(now);
                self.write_line(&text);
            }
        }
    }

    /// Sets the words at the end of the phase's line: `loss 0.0432, accuracy 98.7 %`.
    pub fn note(&mut self, words: &str) {
        if let Some(phase) = &mut self.phase {
            phase.note = one_line(words);
        }
    }

    /// Ends the phase and leaves one line about it; without a phase it does nothing.
    pub fn finish(&mut self) {
        let now = (self.clock)();
        if let Some(phase) = self.phase.take() {
            self.write_line(&phase.last_line(now));
        }
    }

    /// Writes a line of text of its own, above the bar if there is one.
    pub fn say(&mut self, text: &str) {
        self.write_line(&one_line(text));
        if matches!(self.mode, Mode::Terminal { .. }) {
            self.draw((self.clock)());
        }
    }

    fn write_line(&mut self, text: &str) {
        self.wipe();
        let _ = writeln!(self.sink, "{text}").and_then(|()| self.sink.flush());
    }

    /// Blanks overwrite the bar, since a terminal without colour gets no escape sequence either.
    fn wipe(&mut self) {
        if self.drawn > 0 {
            let _ = write!(self.sink, "\r{:1$}\r", "", self.drawn);
            self.drawn = 0;
        }
    }

    fn draw(&mut self, now: Duration) {
        let Mode::Terminal { width, colour } = self.mode else { return };
        let Some(phase) = &self.phase else { return };
        let (line, columns) = phase.bar(now, width.saturating_sub(1), colour);
        let blanks = self.drawn.saturating_sub(columns);
        let _ = write!(self.sink, "\r{line}{:blanks$}", "").and_then(|()| self.sink.flush());
        self.drawn = columns;
    }
}

impl<W: Write> Drop for Progress<W> {
    /// Leaves the terminal at the beginning of an empty line, also in an error's way out.
    fn drop(&mut self) {
        self.wipe();
        let _ = self.sink.flush();
    }
}

impl Phase {
    /// Units per second, once there is something to measure.
    fn rate(&self, now: Duration) -> Option<f64> {
        let seconds = now.saturating_sub(self.began).as_secs_f64();
        let units = (self.done - self.skipped) as f64;
        (seconds > 0.0 && units > 0.0).then(|| units / seconds)
    }

    /// `12,345 pictures/s`, `3 s left` and the note, as far as they are known.
    fn tail(&self, now: Duration) -> Vec<String> {
        let mut parts = Vec::new();
        if let Some(rate) = self.rate(now) {
            parts.push(format!("{} {}/s", words::rate(rate), self.unit));
            let left = self.total.saturating_sub(self.done);
            if left > 0 {
                parts.push(format!("{} left", words::seconds((left as f64 / rate).ceil())));
            }
        }
        if !self.note.is_empty() {
            parts.push(self.note.clone());
        }
        parts
    }

    fn percent(&self) -> u64 {
        // In 128 bits: a total may be any number of bytes.
        (u128::from(self.done.min(self.total)) * 100 / u128::from(self.total.max(1))) as u64
    }

    /// A line in the midst of the phase, for a log.
    fn line(&self, now: Duration) -> String {
        let mut parts = vec![if self.total > 0 {
            let (done, total) = (words::count(self.done), words::count(self.total));
            format!("{done} of {total} {} ({} %)", self.unit, self.percent())
        } else {
            format!("{} {}", words::count(self.done), self.unit)
        }];
        parts.extend(self.tail(now));
        format!("{}: {}", self.name, parts.join(", "))
    }

    /// The line that stays.
    fn last_line(&self, now: Duration) -> String {
        let short = self.done < self.total;
        let done = words::count(self.done);
        let of = if short { format!("{done} of {}", words::count(self.total)) } else { done };
        let took = words::duration(now.saturating_sub(self.began));
        let mut parts = vec![format!("{of} {} in {took}", self.unit)];
        parts.extend(self.rate(now).map(|rate| format!("{} {}/s", words::rate(rate), self.unit)));
        parts.extend((!self.note.is_empty()).then(|| self.note.clone()));
        format!("{}: {}", self.name, parts.join(", "))
    }

    /// The bar within `width` columns, and the columns that it takes.
    fn bar(&self, now: Duration, width: usize, colour: bool) -> (String, usize) {
        let tail = self.tail(now).join(" · ");
        if self.total == 0 {
            let counted = format!("{} {}", words::count(self.done), self.unit);
            let text = [self.name.as_str(), &counted, &tail].map(str::trim).join("  ");
            let text = cut(text.trim_end(), width);
            let columns = text.chars().count();
            return (text, columns);
        }
        let head = format!("{} ", self.name);
        let end = format!(" {:>3} % · {tail}", self.percent());
        let end = end.trim_end_matches(" · ");
        let room = width.saturating_sub(head.chars().count() + end.chars().count());
        let cells = room.min(24);
        if cells < 6 {
            let text = cut(&format!("{}{}", head, end.trim_start()), width);
            let columns = text.chars().count();
            return (text, columns);
        }
        let full = cells * self.percent() as usize / 100;
        let (full, rest) = ("━".repeat(full), "─".repeat(cells - full));
        let columns = head.chars().count() + cells + end.chars().count();
        let bar = if colour { format!("\x1b[36m{full}\x1b[2m{rest}\x1b[0m") } else { full + &rest };
        (format!("{head}{bar}{end}"), columns)
    }
}

/// The first `width` characters.
fn cut(text: &str, width: usize) -> String {
    text.chars().take(width).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    /// Runs `script` with a clock whose milliseconds it may set, and gives back what was written.
    fn written(mode: Mode, script: impl FnOnce(&mut Progress<&mut Vec<u8>>, &AtomicU64)) -> String {
        let (mut sink, time) = (Vec::new(), Arc::new(AtomicU64::new(0)));
        let clock = Arc::clone(&time);
        let mut progress =
            Progress::new(&mut sink, mode, move || Duration::from_millis(clock.load(Ordering::Relaxed)));
        script(&mut progress, &time);
        drop(progress);
        String::from_utf8(sink).unwrap()
    }

    fn train(progress: &mut Progress<&mut Vec<u8>>, time: &AtomicU64) {
        progress.start("5.1 epoch 2/5", 60_000, "pictures");
        for step in 1..=240 {
            time.store(step * 100, Ordering::Relaxed);
            progress.note(&format!("loss {:.3}", 1.0 / step as f64));
            progress.advance(250);
        }
        progress.finish();
    }

    #[test]
    fn the_mode_follows_the_surroundings() {
        let mode = |terminal, term: &str, no_color: &str| {
            let variables = [("TERM", term.to_owned()), ("NO_COLOR", no_color.to_owned())];
            Mode::fitting(terminal, Some(100), |name| Some(variables.iter().find(|v| v.0 == name)?.1.clone()))
        };
        let bar = |colour| Mode::Terminal { width: 100, colour };
        assert_eq!(mode(false, "xterm", ""), Mode::Plain);
        assert_eq!(mode(true, "dumb", ""), Mode::Plain);
        assert_eq!(mode(true, "xterm", ""), bar(true));
        assert_eq!(mode(true, "xterm", "1"), bar(false));
        assert_eq!(mode(true, "", ""), bar(false));
    }

    #[test]
    fn plain_lines_are_few_and_clean() {
        let text = written(Mode::Plain, train);
        let expected = "\
5.1 epoch 2/5: 25,000 of 60,000 pictures (41 %), 2,500 pictures/s, 14 s left, loss 0.010
5.1 epoch 2/5: 50,000 of 60,000 pictures (83 %), 2,500 pictures/s, 4.0 s left, loss 0.005
5.1 epoch 2/5: 60,000 pictures in 24 s, 2,500 pictures/s, loss 0.004
";
        assert_eq!(text, expected);
    }

    #[test]
    fn plain_lines_have_no_control_characters_whatever_the_names() {
        let text = written(Mode::Plain, |progress, _| {
            progress.start("a\x1b[31m\rb", 0, "x\ny");
            progress.advance(1);
            progress.note("\x07");
            progress.finish();
            progress.say("c\u{9b}d\te");
        });
        assert_eq!(text.lines().count(), 2);
        assert!(!text.replace('\n', "").contains(char::is_control), "{text:?}");
    }

    #[test]
    fn a_terminal_gets_a_bar_within_its_width() {
        for width in [20, 40, 80, 120] {
            let text = written(Mode::Terminal { width, colour: false }, train);
            assert!(!text.contains('\x1b'), "no colour, no escape");
            let (bars, last) = text.trim_end().rsplit_once('\r').unwrap();
            assert!(bars.split('\r').all(|line| line.chars().count() < width), "{width}: {bars}");
            assert!(last.starts_with("5.1 epoch 2/5: 60,000 pictures in 24 s"), "{last}");
            assert_eq!(bars.contains('━'), width >= 80, "{width}: {bars}");
        }
    }

    #[test]
    fn colour_is_switched_off_again() {
        let text = written(Mode::Terminal { width: 100, colour: true }, train);
        let (on, off) = (text.matches("\x1b[36m").count(), text.matches("\x1b[0m").count());
        assert!(on > 100 && on == off);
    }

    #[test]
    fn a_resumed_phase_measures_only_its_own_work() {
        let text = written(Mode::Plain, |progress, time| {
            progress.start("5.1", 1000, "steps");
            progress.skip(900);
            time.store(10_000, Ordering::Relaxed);
            progress.advance(10);
            progress.finish();
        });
        assert!(text.starts_with("5.1: 910 of 1,000 steps (91 %), 1.0 steps/s, 1 min 30 s left\n"), "{text}");
        assert!(text.ends_with("5.1: 910 of 1,000 steps in 10 s, 1.0 steps/s\n"), "{text}");
    }

    #[test]
    fn extremes_do_no_harm() {
        for mode in [Mode::Plain, Mode::Terminal { width: 0, colour: true }] {
            let text = written(mode, |progress, time| {
                progress.advance(1);
                progress.finish();
                progress.start("", u64::MAX, "");
                progress.skip(u64::MAX);
                time.store(u64::MAX, Ordering::Relaxed);
                progress.advance(u64::MAX);
                time.store(0, Ordering::Relaxed);
                progress.advance(1);
            });
            assert!(text.len() < 4000);
        }
    }
}
