//! One file over HTTP: redirects, resuming, and distrust of what the server says.

use std::fmt::Display;
use std::io::{Read, Write};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use ureq::http::{HeaderMap, Response, StatusCode, Uri, header};
use ureq::{Agent, Body};

use crate::partial::{PartOrigin, Partial};
use crate::{Error, File};

const REDIRECTS: usize = 5;
const BUFFER: usize = 64 * 1024;

/// How long to wait for a server, and through what.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Longest time until a connection stands.
    pub connect: Duration,
    /// Longest silence of a server before it is given up.
    pub silence: Duration,
    /// Bytes that must come in each stretch of time as long as `within`, so that a server which sends one now and then is
    /// given up too.
    pub least: u64,
    /// See `least`.
    pub within: Duration,
    /// Pause before a broken transfer is resumed.
    pub pause: Duration,
    /// Whether `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` are honoured.
    pub proxy_from_environment: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            silence: Duration::from_secs(30),
            // The slowest line that is worth waiting for: 1 kB a second.
            least: 60_000,
            within: Duration::from_secs(60),
            pause: Duration::from_secs(1),
            proxy_from_environment: true,
        }
    }
}

/// Opens connections. One is enough for a whole program.
#[derive(Clone, Debug)]
pub struct Client {
    agent: Agent,
    /// Longest time until the head of an answer is there.
    head: Duration,
    least: u64,
    within: Duration,
    pub(crate) pause: Duration,
}

impl Default for Client {
    fn default() -> Self {
        Self::new(&Limits::default())
    }
}

impl Client {
    /// A client with other limits than the usual ones.
    pub fn new(limits: &Limits) -> Self {
        let mut config = Agent::config_builder()
            .timeout_resolve(Some(limits.connect))
            .timeout_connect(Some(limits.connect))
            .timeout_recv_response(Some(limits.silence))
            .timeout_per_read(Some(limits.silence))
            // Redirects are followed here, where the scheme can be held fixed.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .http_status_as_error(false)
            // A server that compressed the file on its own would make sizes and ranges meaningless.
            .accept_encoding("identity")
            .user_agent(concat!("convnet-datasets/", env!("CARGO_PKG_VERSION")));
        if !limits.proxy_from_environment {
            config = config.proxy(None);
        }
        let &Limits { connect, silence, least, within, pause, .. } = limits;
        // The name is looked up, the connection made, perhaps through a proxy, and the question answered.
        let head = 2 * connect + silence;
        Self { agent: config.build().new_agent(), head, least, within, pause }
    }
}

/// Why a transfer ended early.
#[derive(Debug)]
pub(crate) enum Broken {
    /// This computer's fault: no mirror can help.
    Here(Error),
    /// Worth another attempt at the same mirror.
    Again(String),
    /// The same, and what came by it is too little to count as progress.
    Slow(String),
    /// This mirror will not do.
    Never(String),
}

impl From<Error> for Broken {
    fn from(error: Error) -> Self {
        Self::Here(error)
    }
}

/// Brings `partial` to the length of the published `file` from `url`, going on where an earlier attempt ended if the
/// server can. `received` is told how many bytes are there and how many there will be. Says whether bytes of an
/// earlier attempt were kept.
pub(crate) fn fetch(
    client: &Client,
    url: &str,
    partial: &Partial,
    file: &File,
    mut received: impl FnMut(u64, u64),
) -> Result<bool, Broken> {
    let earlier = partial.resumable(url, file);
    if let Some((length, PartOrigin { size, .. })) = &earlier
        && length == size
    {
        received(*size, *size);
        return Ok(true);
    }
    let response = request(client, url, earlier.as_ref())?;
    let headers = response.headers();
    if let Some(encoding) = text(headers, header::CONTENT_ENCODING.as_str())
        && !encoding.eq_ignore_ascii_case("identity")
    {
        return Err(Broken::Never(format!("sends the file re-encoded ({encoding})")));
    }
    let etag = text(headers, "etag").map(str::to_owned);

    let (mut output, mut count, size) = match (response.status(), earlier) {
        (StatusCode::PARTIAL_CONTENT, Some((offset, origin))) => {
            if let Err(why) = continues(headers, offset, &origin) {
                partial.discard()?;
                return Err(Broken::Again(why));
            }
            (partial.append()?, offset, origin.size)
        }
        (StatusCode::OK, _) => {
            let size = announced(headers, file).map_err(Broken::Never)?;
            (partial.restart(&PartOrigin { url: url.to_owned(), etag, size })?, 0, size)
        }
        (StatusCode::RANGE_NOT_SATISFIABLE, Some(_)) => {
            partial.discard()?;
            return Err(Broken::Again("cannot go on where the download broke off".to_owned()));
        }
        (StatusCode::PROXY_AUTHENTICATION_REQUIRED, _) => {
            return Err(Broken::Never(format!("cannot be reached through the proxy: {CREDENTIALS}")));
        }
        (status, _) if status.is_server_error() => return Err(Broken::Again(format!("answers {status}"))),
        (status, _) => return Err(Broken::Never(format!("answers {status}"))),
    };
    let resumed = count > 0;
    received(count, size);

    let mut body = response.into_body().into_reader();
    let mut buffer = vec![0; BUFFER];
    let (mut since, mut before) = (Instant::now(), count);
    loop {
        let n = match body.read(&mut buffer) {
            Ok(0) if count == size => break,
            Ok(0) => return Err(Broken::Again(format!("broke off after {count} of {size} bytes"))),
            Ok(n) => n,
            Err(e) => return Err(Broken::Again(format!("broke off after {count} of {size} bytes ({e})"))),
        };
        if count + n as u64 > size {
            drop(output);
            partial.discard()?;
            return Err(Broken::Never(format!("sends more than the expected {size} bytes")));
        }
        output.write_all(&buffer[..n]).map_err(Error::io(partial.path(), "cannot write"))?;
        count += n as u64;
        received(count, size);
        if since.elapsed() >= client.within {
            if count - before < client.least && count < size {
                let (least, seconds) = (client.least, client.within.as_secs_f64());
                let why = format!("sends too slowly: fewer than {least} bytes in {seconds} s");
                return Err(Broken::Slow(format!("{why}, given up after {count} of {size} bytes")));
            }
            (since, before) = (Instant::now(), count);
        }
    }
    Ok(resumed)
}

/// The length of what is coming: as the manifest states it, else as the server does, within the manifest's bound.
fn announced(headers: &HeaderMap, file: &File) -> Result<u64, String> {
    match (number(headers, "content-length"), file.size) {
        (Some(length), Some(size)) if length != size => {
            Err(format!("announces {length} bytes where {size} are expected"))
        }
        (_, Some(size)) => Ok(size),
        (Some(length), None) if !file.fits(length) => {
            Err(format!("announces {length} bytes where at most {} are expected", file.largest()))
        }
        (Some(length), None) => Ok(length),
        (None, None) => Err("does not say how long the file is".to_owned()),
    }
}

/// Asks for the file, following redirects that keep the scheme.
fn request(
    client: &Client,
    url: &str,
    earlier: Option<&(u64, PartOrigin)>,
) -> Result<Response<Body>, Broken> {
    let mut address: Uri = url.parse().map_err(|e| Broken::Never(format!("is no valid address ({e})")))?;
    for _ in 0..=REDIRECTS {
        let mut request = client.agent.get(&address);
        if let Some((offset, origin)) = earlier {
            request = request.header(header::RANGE, format!("bytes={offset}-"));
            // A weak tag does not promise equal bytes and is not allowed here.
            if let Some(etag) = origin.etag.as_deref().filter(|tag| !tag.starts_with("W/")) {
                request = request.header(header::IF_RANGE, etag);
            }
        }
        let answered = within(client.head, move || request.call());
        let response = answered.ok_or_else(|| Broken::Never(LATE.to_owned()))?.map_err(describe)?;
        if !response.status().is_redirection() {
            return Ok(response);
        }
        let location = text(response.headers(), "location")
            .ok_or_else(|| Broken::Never(format!("answers {} without an address", response.status())))?;
        address = follow(&address, location).map_err(Broken::Never)?;
    }
    Err(Broken::Never(format!("redirects more than {REDIRECTS} times")))
}

/// What `call` gives, unless it takes longer than `limit`. It runs in a thread of its own, which is left to itself then: who
/// sends the head of an answer byte by byte, as a proxy can, keeps every single wait short.
fn within<T: Send + 'static>(limit: Duration, call: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || sender.send(call()));
    receiver.recv_timeout(limit).ok()
}

/// What is said of who does not answer.
const LATE: &str = "does not answer in time";

/// What to do about a proxy that asks who one is.
const CREDENTIALS: &str =
    "it wants a user name and a password: put them into HTTPS_PROXY, as in http://NAME:PASSWORD@HOST:PORT";

/// What to do where somebody between here and the mirror signs in its name.
const INSPECTED: &str = "perhaps a proxy or virus scanner inspects what is encrypted, with a certificate of its own; \
    download the file with a browser and take it with `cargo xtask download NAME --from FILE`";

/// Only a connection that was cut is worth another attempt: without a working network, repeating what failed
/// would make the user wait for nothing.
fn describe(error: ureq::Error) -> Broken {
    use std::io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    match error {
        ureq::Error::Io(e)
            if [BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof].contains(&e.kind()) =>
        {
            Broken::Again(format!("hangs up ({e})"))
        }
        // Both ways in which a certificate that nobody here trusts is told: while shaking hands, and before.
        ureq::Error::Io(e) if is_about_a_certificate(&e.to_string()) => untrusted(&e),
        ureq::Error::Rustls(e) if is_about_a_certificate(&e.to_string()) => untrusted(&e),
        ureq::Error::Io(e) => Broken::Never(format!("cannot be reached ({e})")),
        ureq::Error::ConnectProxyFailed(why) => {
            let remedy = if why.contains("407") { format!("; {CREDENTIALS}") } else { String::new() };
            Broken::Never(format!("cannot be reached through the proxy ({why}){remedy}"))
        }
        ureq::Error::HostNotFound => Broken::Never("cannot be found".to_owned()),
        ureq::Error::ConnectionFailed => Broken::Never("cannot be reached".to_owned()),
        ureq::Error::Timeout(_) => Broken::Never(LATE.to_owned()),
        other => Broken::Again(other.to_string()),
    }
}

fn is_about_a_certificate(words: &str) -> bool {
    words.contains("certificate")
}

fn untrusted(why: &dyn Display) -> Broken {
    Broken::Never(format!("has a certificate that is not trusted ({why}); {INSPECTED}"))
}

/// The address that a redirect from `base` leads to; only within the same scheme, so that nobody downgrades
/// an encrypted transfer or points at something that is no web server.
fn follow(base: &Uri, location: &str) -> Result<Uri, String> {
    let scheme = base.scheme_str().unwrap_or_default();
    let authority = base.authority().map(|a| a.as_str()).unwrap_or_default();
    let target = if location.starts_with("//") {
        format!("{scheme}:{location}")
    } else if location.starts_with('/') {
        format!("{scheme}://{authority}{location}")
    } else if location.split(['/', '?', '#']).next().is_some_and(|first| first.contains(':')) {
        location.to_owned()
    } else {
        let folder = base.path().rsplit_once('/').map_or("", |(folder, _)| folder);
        format!("{scheme}://{authority}{folder}/{location}")
    };
    let target = target.split('#').next().unwrap_or_default();
    if !target.split_once("://").is_some_and(|(other, _)| other.eq_ignore_ascii_case(scheme)) {
        return Err(format!("redirects to another scheme ({target}), which is refused"));
    }
    target.parse().map_err(|e| format!("redirects to an invalid address ({target}: {e})"))
}

/// Checks that a partial answer continues the bytes at hand.
fn continues(headers: &HeaderMap, offset: u64, origin: &PartOrigin) -> Result<(), String> {
    let etag = text(headers, "etag");
    if let (Some(before), Some(now)) = (origin.etag.as_deref(), etag)
        && before != now
    {
        return Err("has changed the file during the download".to_owned());
    }
    let size = origin.size;
    let expected = format!("bytes {offset}-{}/{size}", size - 1);
    match text(headers, "content-range") {
        Some(range) if range.trim() == expected => Ok(()),
        Some(range) => Err(format!("continues with {range:?} where {expected:?} was asked for")),
        None => Err("continues without saying where".to_owned()),
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    text(headers, name)?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_untrusted_certificate_is_told_with_what_helps() {
        // As rustls words it, inside an error of the connection.
        let cause =
            std::io::Error::new(std::io::ErrorKind::InvalidData, "invalid peer certificate: UnknownIssuer");
        let Broken::Never(why) = describe(ureq::Error::Io(cause)) else { panic!("worth no other attempt") };
        assert!(why.contains("UnknownIssuer") && why.contains("not trusted"), "{why}");
        assert!(why.contains("browser") && why.contains("--from FILE"), "{why}");
    }

    #[test]
    fn redirects_are_resolved_within_their_scheme() {
        let base: Uri = "https://a.example/x/y.gz".parse().unwrap();
        for (location, expected) in [
            ("https://b.example/z", "https://b.example/z"),
            ("//b.example/z", "https://b.example/z"),
            ("/z?q=http://c", "https://a.example/z?q=http://c"),
            ("z.gz#part", "https://a.example/x/z.gz"),
        ] {
            assert_eq!(follow(&base, location).unwrap().to_string(), expected, "{location}");
        }
        for location in ["http://a.example/x/y.gz", "ftp://a.example/", "file:///etc/passwd", "", "data:,x"] {
            let answer = follow(&base, location);
            // An empty address leads back to the folder, which is harmless.
            assert_eq!(answer.is_ok(), location.is_empty(), "{location}: {answer:?}");
        }
    }
}
