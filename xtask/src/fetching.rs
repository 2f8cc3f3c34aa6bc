//! A download shown as progress: what will come, how far it is, how fast, and how long it will still take.

use convnet_datasets::Announcement;
use convnet_report::{Progress, words};
use std::io::Write;

/// A download or preparation of pictures, shown by a [`Progress`].
pub(crate) struct Fetching<'a, W: Write> {
    progress: &'a mut Progress<W>,
    /// The file or the set of pictures under way.
    phase: String,
    /// How much of it is shown, in its unit.
    shown: u64,
    /// Bytes that count as one.
    unit: u64,
}

impl<'a, W: Write> Fetching<'a, W> {
    pub(crate) fn new(progress: &'a mut Progress<W>) -> Self {
        Self { progress, phase: String::new(), shown: 0, unit: 1 }
    }

    fn begin(&mut self, phase: &str, total: u64, unit: &str, done: u64) {
        self.phase = phase.to_string();
        self.progress.start(phase, total, unit);
        // An earlier attempt has brought what is there at the beginning.
        self.progress.skip(done);
        self.shown = done;
    }

    fn show(&mut self, done: u64) {
        self.progress.advance(done.saturating_sub(self.shown));
        self.shown = self.shown.max(done);
    }
}

impl<W: Write> Drop for Fetching<'_, W> {
    /// Ends the last phase, also in an error's way out.
    fn drop(&mut self) {
        self.progress.finish();
    }
}

impl<W: Write> convnet_datasets::Progress for Fetching<'_, W> {
    fn announce(&mut self, announcement: &Announcement<'_>) {
        let time = words::seconds(announcement.seconds_at(20.0));
        let stay =
            announcement.stay.map_or_else(String::new, |bytes| format!(", of which {} stay", size(bytes)));
        self.progress.say(&format!(
            "{}: downloading {}{stay} into {} (about {time} at 20 Mbit/s); licence: {}",
            announcement.title,
            size(announcement.bytes),
            announcement.folder.display(),
            announcement.licence
        ));
    }

    fn advance(&mut self, file: &str, received: u64, total: u64) {
        if self.phase != file {
            let (unit, name) = unit(total);
            self.unit = unit;
            self.begin(file, total / unit, name, received / unit);
        }
        self.show(received / self.unit);
    }

    fn prepare(&mut self, title: &str, done: u64, total: u64) {
        if self.phase != title {
            self.begin(title, total, "pictures", 0);
        }
        self.show(done);
    }

    fn note(&mut self, line: &str) {
        self.progress.say(line);
    }
}

/// The unit in which so many bytes are counted: fine enough to see them move, coarse enough to read.
fn unit(bytes: u64) -> (u64, &'static str) {
    match bytes {
        0..1_000_000 => (1, "bytes"),
        1_000_000..100_000_000 => (1_000, "kB"),
        _ => (1_000_000, "MB"),
    }
}

/// A number of bytes for people.
pub(crate) fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} bytes"),
        1_000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.2} GB", bytes as f64 / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use convnet_datasets::Progress as _;
    use convnet_report::Mode;
    use std::path::Path;
    use std::time::Duration;

    fn said(script: impl FnOnce(&mut Fetching<'_, &mut Vec<u8>>)) -> Vec<String> {
        let mut lines = Vec::new();
        let mut progress = Progress::new(&mut lines, Mode::Plain, || Duration::ZERO);
        script(&mut Fetching::new(&mut progress));
        drop(progress);
        String::from_utf8(lines).unwrap().lines().map(str::to_string).collect()
    }

    #[test]
    fn a_download_shows_each_file_and_what_was_there_before() {
        let lines = said(|download| {
            for received in [0, 400, 1_000] {
                download.advance("first", received, 1_000);
            }
            // Resumed, cut off, and begun again.
            for received in [500, 1_500, 0, 1_500, 1_800] {
                download.advance("second", received, 2_000);
            }
            download.advance("third", 824_887_076, 824_887_076);
            for done in 1..=4 {
                download.prepare("pictures", done, 4);
            }
        });
        let expected = [
            "first: 1,000 bytes in",
            "second: 1,800 of 2,000 bytes in",
            "third: 824 MB in",
            "pictures: 4 pictures in",
        ];
        assert_eq!(lines.len(), expected.len(), "{lines:?}");
        assert!(lines.iter().zip(expected).all(|(line, expected)| line.starts_with(expected)), "{lines:?}");
    }

    #[test]
    fn what_will_come_is_told_first() {
        let announcement = Announcement {
            title: "Cats",
            files: 1,
            bytes: 824_887_076,
            stay: Some(90_897_189),
            folder: Path::new("cache"),
            licence: "free",
        };
        let lines = said(|download| download.announce(&announcement));
        let expected = "Cats: downloading 824.9 MB, of which 90.9 MB stay into cache (about 5 min 30 s at 20 Mbit/s); licence: free";
        assert_eq!(lines, [expected]);
    }

    #[test]
    fn sizes_are_for_people() {
        for (bytes, words) in
            [(0, "0 bytes"), (28_881, "28.9 kB"), (11_594_722, "11.6 MB"), (1_500_000_000, "1.50 GB")]
        {
            assert_eq!(size(bytes), words);
        }
    }
}
