//! Who may ask: pages of this server alone. Another page in the same browser can send requests here, and by a name of its own
//! that leads to this machine even read the answers, unless both headers are looked at.

use super::refusal::Refusal;
use axum::extract::{Request, State};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HOST, HeaderName, HeaderValue, ORIGIN, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use axum::http::{HeaderMap, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// Nothing from elsewhere, no script in the page itself, nobody's frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; \
                      base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const HEADERS: [(HeaderName, &str); 7] = [
    (CONTENT_SECURITY_POLICY, POLICY),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (X_FRAME_OPTIONS, "DENY"),
    (REFERRER_POLICY, "no-referrer"),
    (CACHE_CONTROL, "no-store"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

/// Lets a request pass that names this server, and, where it changes anything, comes from its page.
pub(super) async fn guard(State(port): State<u16>, request: Request, next: Next) -> Response {
    let mut response = match check(port, request.method(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    };
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

fn check(port: u16, method: &Method, headers: &HeaderMap) -> Result<(), Refusal> {
    let names = [format!("127.0.0.1:{port}"), format!("localhost:{port}")];
    let one = |name: &HeaderName| {
        let mut all = headers.get_all(name).iter();
        let first = all.next().and_then(|value| value.to_str().ok());
        if all.next().is_some() { None } else { first }
    };
    let host = one(&HOST).filter(|host| names.iter().any(|name| name == host));
    let Some(host) = host else {
        return Err(Refusal::forbidden(format!("this page answers under http://127.0.0.1:{port} alone")));
    };
    let is_safe = matches!(*method, Method::GET | Method::HEAD);
    if !is_safe && one(&ORIGIN) != Some(&format!("http://{host}")) {
        return Err(Refusal::forbidden(
            "only the page itself may ask this (the Origin header is another’s, or missing)",
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passes(method: Method, headers: &[(HeaderName, &'static str)]) -> bool {
        let headers = headers.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value)));
        let mut map = HeaderMap::new();
        headers.for_each(|(name, value)| {
            map.append(name, value);
        });
        check(8000, &method, &map).is_ok()
    }

    #[test]
    fn only_our_names_and_our_page_pass() {
        for host in ["127.0.0.1:8000", "localhost:8000"] {
            assert!(passes(Method::GET, &[(HOST, host)]));
        }
        for host in ["127.0.0.1", "127.0.0.1:8001", "evil.example:8000", "localhost:8000.evil.example", ""] {
            assert!(!passes(Method::GET, &[(HOST, host)]), "{host}");
        }
        assert!(
            !passes(Method::GET, &[])
                && !passes(Method::GET, &[(HOST, "localhost:8000"), (HOST, "evil.example")])
        );
        let ours = (HOST, "localhost:8000");
        assert!(passes(Method::POST, &[ours.clone(), (ORIGIN, "http://localhost:8000")]));
        for origin in ["http://evil.example", "null", "https://localhost:8000", "http://127.0.0.1:8000"] {
            assert!(!passes(Method::POST, &[ours.clone(), (ORIGIN, origin)]), "{origin}");
        }
        assert!(!passes(Method::PUT, &[ours]));
    }
}
