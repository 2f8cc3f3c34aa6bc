//! Checksums: lists of accepted ones, and computing them while bytes pass by.

use std::fmt::{self, Write as _};
use std::io::{self, Read};

use md5::Md5;
use sha2::{Digest, Sha256};

/// Accepted checksums of one sequence of bytes, as lower-case hexadecimal text.
///
/// Where SHA-256 sums are listed they decide and the MD5 sums are there for people who compare with what was
/// published; MD5 decides only where nothing better is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checksums {
    /// SHA-256, 64 digits each.
    pub sha256: Vec<String>,
    /// MD5, 32 digits each.
    pub md5: Vec<String>,
}

impl Checksums {
    pub(crate) fn is_empty(&self) -> bool {
        self.sha256.is_empty() && self.md5.is_empty()
    }

    /// Says which checksum is malformed.
    pub(crate) fn check(&self) -> Result<(), String> {
        for (sums, digits) in [(&self.sha256, 64), (&self.md5, 32)] {
            let sound = |sum: &&String| {
                sum.len() == digits && sum.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
            };
            if let Some(bad) = sums.iter().find(|sum| !sound(sum)) {
                return Err(format!("checksum {bad:?} must have {digits} lower-case hexadecimal digits"));
            }
        }
        Ok(())
    }

    /// A digest of the deciding kind, or none where nothing is listed.
    pub(crate) fn start(&self) -> Summing {
        match (self.sha256.is_empty(), self.md5.is_empty()) {
            (false, _) => Summing::sha256(),
            (true, false) => Summing::Md5(Box::default()),
            (true, true) => Summing::Nothing,
        }
    }

    /// Whether `sum`, made by a digest from [`Checksums::start`], is listed; an empty list accepts everything.
    pub(crate) fn accept(&self, sum: &Sum) -> bool {
        match sum {
            Sum::Sha256(text) => self.sha256.contains(text),
            Sum::Md5(text) => self.md5.contains(text),
            Sum::Nothing => self.is_empty(),
        }
    }
}

impl fmt::Display for Checksums {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, sums) = if self.sha256.is_empty() { ("md5", &self.md5) } else { ("sha256", &self.sha256) };
        write!(f, "{kind} {}", sums.join(" or "))
    }
}

/// A digest under way.
pub(crate) enum Summing {
    Sha256(Box<Sha256>),
    Md5(Box<Md5>),
    Nothing,
}

/// A finished digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Sum {
    Sha256(String),
    Md5(String),
    Nothing,
}

impl Summing {
    pub(crate) fn sha256() -> Self {
        Self::Sha256(Box::default())
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Sha256(digest) => digest.update(bytes),
            Self::Md5(digest) => digest.update(bytes),
            Self::Nothing => {}
        }
    }

    pub(crate) fn finish(self) -> Sum {
        match self {
            Self::Sha256(digest) => Sum::Sha256(hexadecimal(&digest.finalize())),
            Self::Md5(digest) => Sum::Md5(hexadecimal(&digest.finalize())),
            Self::Nothing => Sum::Nothing,
        }
    }
}

impl Sum {
    /// The hexadecimal digits alone.
    pub(crate) fn digits(self) -> String {
        match self {
            Self::Sha256(text) | Self::Md5(text) => text,
            Self::Nothing => String::new(),
        }
    }
}

impl fmt::Display for Sum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sha256(text) => write!(f, "sha256 {text}"),
            Self::Md5(text) => write!(f, "md5 {text}"),
            Self::Nothing => f.write_str("no checksum"),
        }
    }
}

/// Passes bytes through and sums them.
pub(crate) struct SummingReader<R> {
    inner: R,
    summing: Summing,
}

impl<R: Read> SummingReader<R> {
    pub(crate) fn new(inner: R, summing: Summing) -> Self {
        Self { inner, summing }
    }

    pub(crate) fn finish(self) -> Sum {
        self.summing.finish()
    }
}

impl<R: Read> Read for SummingReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.summing.update(&buffer[..count]);
        Ok(count)
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(checksums: &Checksums, bytes: &[u8]) -> Sum {
        let mut reader = SummingReader::new(bytes, checksums.start());
        io::copy(&mut reader, &mut io::sink()).unwrap();
        reader.finish()
    }

    #[test]
    fn published_test_vectors() {
        // RFC 1321, appendix A.5, and FIPS 180-2, appendix B.1.
        let md5 = Checksums { md5: vec!["900150983cd24fb0d6963f7d28e17f72".into()], ..Checksums::default() };
        assert!(md5.accept(&sum(&md5, b"abc")));
        assert!(!md5.accept(&sum(&md5, b"abd")));
        let sha256 = Checksums {
            sha256: vec!["ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad".into()],
            md5: vec!["00000000000000000000000000000000".into()],
        };
        assert!(sha256.accept(&sum(&sha256, b"abc")));
        assert!(!sha256.accept(&sum(&sha256, b"")));
    }
}
