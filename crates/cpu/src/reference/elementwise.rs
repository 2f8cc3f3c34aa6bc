//! Plain loops for [`crate::elementwise`]: see there.

use super::Real;

/// y = a + b.
pub fn add<T: Real>(a: &[T], b: &[T], y: &mut [T]) {
    for i in 0..y.len() {
        y[i] = a[i] + b[i];
    }
}

/// y = x · `scale` + `offset`.
pub fn scale_and_shift<T: Real>(x: &[T], scale: T, offset: T, y: &mut [T]) {
    for i in 0..y.len() {
        y[i] = x[i] * scale + offset;
    }
}

/// y = max(x, 0), at most `maximum` where there is one.
pub fn relu<T: Real>(maximum: Option<T>, x: &[T], y: &mut [T]) {
    for i in 0..y.len() {
        y[i] = if x[i] < T::of(0.0) { T::of(0.0) } else { x[i] };
        if let Some(maximum) = maximum
            && y[i] > maximum
        {
            y[i] = maximum;
        }
    }
}

/// The gradient of [`relu`] in place: dy becomes 0 except where 0 < y < `maximum`.
pub fn relu_gradient<T: Real>(maximum: Option<T>, y: &[T], dy: &mut [T]) {
    for i in 0..dy.len() {
        let passes = y[i] > T::of(0.0) && maximum.is_none_or(|maximum| y[i] < maximum);
        if !passes {
            dy[i] = T::of(0.0);
        }
    }
}

/// The gradient of [`relu`] in guided backpropagation, in place: negative gradients stop too.
pub fn guided_relu_gradient<T: Real>(maximum: Option<T>, y: &[T], dy: &mut [T]) {
    relu_gradient(maximum, y, dy);
    for dy in dy {
        if *dy < T::of(0.0) {
            *dy = T::of(0.0);
        }
    }
}

/// y = 1 / (1 + e^−x).
pub fn sigmoid<T: Real>(x: &[T], y: &mut [T]) {
    for i in 0..y.len() {
        // Each side with the exponential that cannot overflow.
        y[i] = if x[i] >= T::of(0.0) {
            T::of(1.0) / (T::of(1.0) + (-x[i]).exp())
        } else {
            x[i].exp() / (T::of(1.0) + x[i].exp())
        };
    }
}

/// The gradient of [`sigmoid`] in place: dy · y · (1 − y).
pub fn sigmoid_gradient<T: Real>(y: &[T], dy: &mut [T]) {
    for i in 0..dy.len() {
        dy[i] = dy[i] * (y[i] * (T::of(1.0) - y[i]));
    }
}

/// y = x · `scale` where `keep` is not 0, else 0.
pub fn dropout<T: Real>(keep: &[u8], scale: T, x: &[T], y: &mut [T]) {
    for i in 0..y.len() {
        y[i] = if keep[i] != 0 { x[i] * scale } else { T::of(0.0) };
    }
}
