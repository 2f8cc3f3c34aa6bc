//! A web server on this computer that behaves as badly as a test wants.

// Each test file takes what it needs.
#![allow(dead_code, reason = "shared by several test files")]

use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;

/// What came in: the path and the two headers that matter here.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) range_start: Option<usize>,
    pub(crate) if_range: Option<String>,
}

/// What goes out: a head, some bytes, how fast, and how it ends.
#[derive(Default)]
pub(crate) struct Reply {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
    pub(crate) stall: bool,
    /// So many bytes of the body at a time, and the pause behind them.
    pub(crate) drip: Option<(usize, Duration)>,
    /// The pause behind each byte of the head.
    pub(crate) head_pause: Duration,
}

impl Reply {
    /// Status, further header lines, body; with the true length.
    pub(crate) fn new(status: &str, headers: &[&str], body: &[u8]) -> Self {
        Self::announcing(status, headers, body.len(), body)
    }

    /// The same with an invented length.
    pub(crate) fn announcing(status: &str, headers: &[&str], length: usize, body: &[u8]) -> Self {
        let lines: String = headers.iter().map(|line| format!("{line}\r\n")).collect();
        let head =
            format!("HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n{lines}\r\n");
        Self { head, body: body.to_vec(), ..Self::default() }
    }

    pub(crate) fn stalling(self) -> Self {
        Self { stall: true, ..self }
    }

    pub(crate) fn dripping(self, bytes: usize, pause: Duration) -> Self {
        Self { drip: Some((bytes, pause)), ..self }
    }

    pub(crate) fn dripping_head(self, head_pause: Duration) -> Self {
        Self { head_pause, ..self }
    }

    /// What a good server answers, ranges included.
    pub(crate) fn good(request: &Request, etag: &str, body: &[u8]) -> Self {
        let tag = format!("ETag: {etag}");
        match request.range_start {
            Some(start) if request.if_range.as_deref().is_none_or(|tag| tag == etag) => {
                let range = format!("Content-Range: bytes {start}-{}/{}", body.len() - 1, body.len());
                Self::new("206 Partial Content", &[&tag, &range], &body[start..])
            }
            _ => Self::new("200 OK", &[&tag], body),
        }
    }
}

/// A running server; it ends with the test's process.
pub(crate) struct Server {
    pub(crate) mirror: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    /// Answers each connection's one request with `answer(number of the request, request)`.
    pub(crate) fn start(answer: impl Fn(usize, &Request) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let mirror = format!("http://{}/files/", listener.local_addr().unwrap());
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (seen, answer) = (Arc::clone(&requests), Arc::new(answer));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (seen, answer) = (Arc::clone(&seen), Arc::clone(&answer));
                thread::spawn(move || serve(stream.unwrap(), &seen, &*answer));
            }
        });
        Self { mirror, requests }
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

fn serve(
    mut stream: TcpStream,
    seen: &Mutex<Vec<Request>>,
    answer: &(impl Fn(usize, &Request) -> Reply + ?Sized),
) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
    let Some(Ok(first)) = lines.next() else { return };
    let mut words = first.split(' ').map(str::to_owned);
    let (method, path) = (words.next().unwrap(), words.next().unwrap());
    let mut request = Request { method, path, range_start: None, if_range: None };
    for line in lines.map_while(Result::ok).take_while(|line| !line.is_empty()) {
        let (name, value) = line.split_once(": ").unwrap();
        if name.eq_ignore_ascii_case("range") {
            let start = value.strip_prefix("bytes=").and_then(|range| range.strip_suffix('-')).unwrap();
            request.range_start = Some(start.parse().unwrap());
        } else if name.eq_ignore_ascii_case("if-range") {
            request.if_range = Some(value.to_owned());
        }
    }
    let number = {
        let mut seen = seen.lock().unwrap();
        seen.push(request.clone());
        seen.len() - 1
    };
    let reply = answer(number, &request);
    // A client that hangs up early is part of the tests.
    let (bytes, pause) = reply.drip.unwrap_or((usize::MAX, Duration::ZERO));
    let at_once = if reply.head_pause.is_zero() { usize::MAX } else { 1 };
    let head = reply.head.as_bytes().chunks(at_once).map(|part| (part, reply.head_pause));
    let sent =
        head.chain(reply.body.chunks(bytes).map(|part| (part, pause))).try_for_each(|(part, pause)| {
            stream.write_all(part)?;
            thread::sleep(pause);
            std::io::Result::Ok(())
        });
    if sent.is_err() {
        return;
    }
    if reply.stall {
        thread::sleep(Duration::from_secs(20));
    }
    let _ = stream.shutdown(Shutdown::Write);
}

/// Bytes that do not compress to nothing.
pub(crate) fn payload() -> Vec<u8> {
    let mut state = 1u32;
    let step = |state: &mut u32| {
        *state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (*state >> 24) as u8
    };
    (0..300_000).map(|_| step(&mut state)).collect()
}

pub(crate) fn gzip(bytes: &[u8], level: u32) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(level));
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
