//! Turning a picture upright, as the camera noted when it took it.

/// Writes the picture `from`, `[height, width, channels]`, into `to` as EXIF orientation 2 … 8 says that it is to be seen.
pub(super) fn turn(from: &[u8], shape: [usize; 3], orientation: u8, to: &mut Vec<u8>) {
    match shape[2] {
        1 => turn_pixels(from.as_chunks::<1>().0, shape, orientation, to),
        _ => turn_pixels(from.as_chunks::<3>().0, shape, orientation, to),
    }
}

fn turn_pixels<const C: usize>(from: &[[u8; C]], shape: [usize; 3], orientation: u8, to: &mut Vec<u8>) {
    // Rows that are written side by side: they read the same cache lines where rows become columns.
    const BLOCK: usize = 16;
    let [h, w, _] = shape;
    let (height, width) = if orientation >= 5 { (w, h) } else { (h, w) };
    // Where pixel (0, 0) comes from, and whether one reads against the rows and columns of the file.
    let (down, right) = match orientation {
        2 => (false, true),
        3 => (true, true),
        4 => (true, false),
        6 => (true, false),
        7 => (true, true),
        8 => (false, true),
        _ => (false, false),
    };
    let source = |y: usize, x: usize| {
        let (row, column) = if orientation >= 5 { (x, y) } else { (y, x) };
        let row = if down { h - 1 - row } else { row };
        let column = if right { w - 1 - column } else { column };
        row * w + column
    };
    let to = super::room(to, height * width * C).as_chunks_mut::<C>().0;
    for top in (0..height).step_by(BLOCK) {
        for x in 0..width {
            for y in top..height.min(top + BLOCK) {
                to[y * width + x] = from[source(y, x)];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::turn;

    /// The eight ways of EXIF on the letters of a 2×3 picture, written out.
    #[test]
    fn all_orientations() {
        let turned = |orientation| {
            let mut to = Vec::new();
            turn(b"abcdef", [2, 3, 1], orientation, &mut to);
            String::from_utf8(to).unwrap()
        };
        assert_eq!(turned(2), "cbafed");
        assert_eq!(turned(3), "fedcba");
        assert_eq!(turned(4), "defabc");
        assert_eq!(turned(5), "adbecf");
        assert_eq!(turned(6), "daebfc");
        assert_eq!(turned(7), "fcebda");
        assert_eq!(turned(8), "cfbead");
        let mut to = Vec::new();
        turn(b"aAxbBycCz", [1, 3, 3], 3, &mut to);
        assert_eq!(to, b"cCzbByaAx");
    }
}
