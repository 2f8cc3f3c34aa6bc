//! Whether bytes look like a whole JPEG file: cheap, without decoding.

const START: [u8; 3] = [0xff, 0xd8, 0xff];
const END: [u8; 2] = [0xff, 0xd9];
const START_OF_SCAN: u8 = 0xda;

/// Says what is wrong with a picture, if that can be told by its markers (ITU-T T.81, annex B).
pub(crate) fn check(bytes: &[u8]) -> Result<(), &'static str> {
    if bytes.is_empty() {
        return Err("empty");
    }
    if !bytes.starts_with(&START) {
        return Err("no JPEG");
    }
    // The end must be looked for behind the header, because a thumbnail in the header has an end of its own.
    let scan = scan(bytes).ok_or("its header is cut off or damaged")?;
    // Within a scan each 0xff byte is followed by 0, or is a marker.
    if scan.windows(2).any(|pair| pair == END) { Ok(()) } else { Err("cut off: it has no end") }
}

/// What follows the header's segments: the first scan.
fn scan(bytes: &[u8]) -> Option<&[u8]> {
    let mut rest = &bytes[2..];
    loop {
        let (&[0xff, marker], behind) = rest.split_first_chunk()? else { return None };
        // Any marker may be preceded by fill bytes.
        if marker == 0xff {
            rest = &rest[1..];
            continue;
        }
        let length = usize::from(u16::from_be_bytes(*behind.first_chunk()?));
        if length < 2 {
            return None;
        }
        rest = behind.get(length..)?;
        if marker == START_OF_SCAN {
            return Some(rest);
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The markers of a picture, with a thumbnail's end in the header and `content` in the scan.
    pub(crate) fn picture(content: &[u8]) -> Vec<u8> {
        let header = [0xff, 0xd8, 0xff, 0xe1, 0, 6, 0xff, 0xd8, 0xff, 0xd9, 0xff, 0xff, 0xda, 0, 2];
        [&header, content, &END].concat()
    }

    #[test]
    fn whole_pictures_pass_and_others_are_named() {
        let good = picture(b"\xff\x00content");
        check(&good).unwrap();
        check(&[good.as_slice(), b"rubbish behind the end"].concat()).unwrap();
        assert_eq!(check(&[]), Err("empty"));
        assert_eq!(check(b"GIF89a"), Err("no JPEG"));
        assert_eq!(check(b"<html>"), Err("no JPEG"));
        // Cut off anywhere.
        for end in 1..good.len() {
            assert!(check(&good[..end]).is_err(), "{end}");
        }
        assert!(check(&[0xff, 0xd8, 0xff, 0xe0, 0, 0, 0xff, 0xd9]).is_err());
    }
}
