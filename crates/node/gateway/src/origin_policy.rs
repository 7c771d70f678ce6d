//! The origin policy: who may call at all, by what the head of a request says of where it was sent, from whose page, and of what kind it is.
//!
//! A browser on the validator's machine, or on one that reaches it, carries requests of any page that it shows. What it
//! cannot do is lie in three headers, which is what keeps out DNS rebinding and cross-site requests (CORS): `Host` is the
//! name by which the page has found the server, `Origin` is where the page comes from, and a body that says it is JSON is
//! sent only after the server has allowed it.
//!
//! **Invariant:** a request with a name that is neither an address, nor this machine's own, nor configured is refused,
//! and so is one from the page of an origin that is not configured, and a body that does not say it is JSON.
//!
//! **Left out:** programs. They write what they like into a head; keys and file modes are for them.

use axum::extract::{Request, State};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    CONTENT_TYPE, HOST, ORIGIN, VARY,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, uri::Authority};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::net::IpAddr;
use std::sync::Arc;

/// The header in which a proxy says for whom it asks.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// By which names clients may call, besides addresses and this machine's own, and whose pages may.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OriginPolicy {
    /// Names, without a port.
    pub hosts: Vec<String>,
    /// Origins, as `https://app.example.org`.
    pub origins: Vec<String>,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub proxies: Vec<IpAddr>,
}

/// Why a request is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum Refusal {
    #[error("this server does not go by that name: call it by its address, or configure the name")]
    Host,
    #[error("pages of that origin may not call this server: configure the origin")]
    Origin,
    #[error("the body must say that it is JSON: content-type: application/json")]
    Kind,
}

impl OriginPolicy {
    /// Says why a request is not let in.
    fn check(&self, method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<(), Refusal> {
        let mut named = headers.get_all(HOST).iter();
        let host = named.next().and_then(|host| host.to_str().ok());
        if named.next().is_some() || !host.is_some_and(|host| self.knows(host)) {
            return Err(Refusal::Host);
        }
        // A request to a proxy names a second host.
        if uri.authority().is_some_and(|authority| !self.knows(authority.as_str())) {
            return Err(Refusal::Host);
        }
        if headers.get_all(ORIGIN).iter().any(|origin| !self.trusts(origin)) {
            return Err(Refusal::Origin);
        }
        match *method == Method::POST && !is_json(headers) {
            true => Err(Refusal::Kind),
            false => Ok(()),
        }
    }

    /// Whether a name is one of this server's: an address cannot be made to lead elsewhere, a name can.
    fn knows(&self, host: &str) -> bool {
        let Ok(authority) = host.parse::<Authority>() else { return false };
        if authority.as_str().contains('@') {
            return false;
        }
        let name = authority.host();
        let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
        bare.parse::<IpAddr>().is_ok()
            || name.eq_ignore_ascii_case("localhost")
            || self.hosts.iter().any(|known| known.eq_ignore_ascii_case(name))
    }

    /// Returns for whom a peer asks: for itself, unless it is a proxy, which adds the address of its own peer at the end of
    /// the header. What stands before that is believed only if that peer is a proxy, too.
    pub(crate) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let lines = headers.get_all(FORWARDED_FOR).iter();
        let told = lines.flat_map(|line| line.to_str().unwrap_or("").split(','));
        let mut told: Vec<Option<IpAddr>> = told.map(|one| one.trim().parse().ok()).collect();
        let mut client = peer.to_canonical();
        while self.proxies.contains(&client) {
            let Some(Some(before)) = told.pop() else { break };
            client = before.to_canonical();
        }
        client
    }

    fn trusts(&self, origin: &HeaderValue) -> bool {
        self.origins.iter().any(|known| known.as_bytes() == origin.as_bytes())
    }
}

/// Whether a body is said to be JSON, once and in these words.
fn is_json(headers: &HeaderMap) -> bool {
    let mut kinds = headers.get_all(CONTENT_TYPE).iter();
    let kind = kinds.next().and_then(|kind| kind.to_str().ok()).unwrap_or("");
    let kind = kind.split(';').next().unwrap_or("").trim();
    kinds.next().is_none() && kind.eq_ignore_ascii_case("application/json")
}

/// Lets a request in, or says why not; answers a browser that asks first whether a page may.
pub(crate) async fn enforce(
    State(policy): State<Arc<OriginPolicy>>,
    request: Request,
    next: Next,
) -> Response {
    let origin = request.headers().get(ORIGIN).cloned();
    if let Err(refusal) = policy.check(request.method(), request.uri(), request.headers()) {
        let status = match refusal {
            Refusal::Host | Refusal::Origin => StatusCode::FORBIDDEN,
            Refusal::Kind => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        };
        return (status, format!("{refusal}\n")).into_response();
    }
    let Some(origin) = origin else { return next.run(request).await };
    let mut response = match *request.method() {
        Method::OPTIONS => {
            let allowed = [
                (ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST")),
                (ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("content-type")),
            ];
            (StatusCode::NO_CONTENT, allowed).into_response()
        }
        _ => next.run(request).await,
    };
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(VARY, HeaderValue::from_static("origin"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy() -> OriginPolicy {
        OriginPolicy {
            hosts: vec!["rpc.example.org".to_owned()],
            origins: vec!["https://app.example.org".to_owned()],
            proxies: vec![[127, 0, 0, 1].into(), [10, 0, 0, 9].into()],
        }
    }

    fn judged(
        policy: &OriginPolicy,
        method: &Method,
        head: &[(&str, &str)],
    ) -> Result<(), Refusal> {
        policy.check(method, &Uri::from_static("/"), &headers(head))
    }

    fn headers(head: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in head {
            let name = axum::http::HeaderName::from_bytes(name.as_bytes()).expect("a name");
            headers.append(name, HeaderValue::from_str(value).expect("a value"));
        }
        headers
    }

    #[test]
    fn a_name_that_somebody_else_leads_here_is_refused_and_an_address_is_not() {
        let get = |host: &str| judged(&policy(), &Method::GET, &[("host", host)]);
        for host in [
            "127.0.0.1:26700",
            "10.0.0.1",
            "[::1]:26700",
            "localhost:1",
            "LOCALHOST",
            "RPC.example.org:80",
        ] {
            assert_eq!(get(host), Ok(()), "{host}");
        }
        for host in [
            "attacker-rebind.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "x",
            "",
            "127.0.0.1@evil.example",
            "rpc.example.org@evil.example:1",
        ] {
            assert_eq!(get(host), Err(Refusal::Host), "{host}");
        }
        assert_eq!(judged(&policy(), &Method::GET, &[]), Err(Refusal::Host), "none at all");
        let two = [("host", "localhost"), ("host", "evil.example")];
        assert_eq!(judged(&policy(), &Method::GET, &two), Err(Refusal::Host));
        let uri = Uri::from_static("http://evil.example/");
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_static("localhost"));
        assert_eq!(policy().check(&Method::GET, &uri, &headers), Err(Refusal::Host));
    }

    #[test]
    fn a_page_of_another_origin_may_not_call_whatever_it_says_of_its_body() {
        let from = |policy: &OriginPolicy, origin: &str| {
            let head =
                [("host", "127.0.0.1"), ("origin", origin), ("content-type", "application/json")];
            judged(policy, &Method::POST, &head)
        };
        assert_eq!(from(&policy(), "https://app.example.org"), Ok(()));
        for origin in ["https://evil.example", "null", "http://app.example.org", "http://127.0.0.1"]
        {
            assert_eq!(from(&policy(), origin), Err(Refusal::Origin), "{origin}");
        }
        assert_eq!(from(&OriginPolicy::default(), "https://app.example.org"), Err(Refusal::Origin));
    }

    #[test]
    fn only_a_configured_proxy_says_for_whom_it_asks_and_only_of_its_own_peer() {
        let client = |peer: &str, lines: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(FORWARDED_FOR, HeaderValue::from_static(line));
            }
            policy().client(peer.parse().expect("an address"), &headers).to_string()
        };
        assert_eq!(client("127.0.0.1", &["9.9.9.9"]), "9.9.9.9");
        assert_eq!(client("::ffff:127.0.0.1", &["2001:db8::1"]), "2001:db8::1");
        assert_eq!(client("8.8.8.8", &["9.9.9.9"]), "8.8.8.8", "anybody can write a header");
        assert_eq!(client("127.0.0.1", &["1.1.1.1, 9.9.9.9"]), "9.9.9.9", "the first is a claim");
        assert_eq!(client("127.0.0.1", &["1.1.1.1", "9.9.9.9"]), "9.9.9.9");
        assert_eq!(client("127.0.0.1", &["9.9.9.9, 10.0.0.9"]), "9.9.9.9", "two proxies in a row");
        assert_eq!(client("127.0.0.1", &["9.9.9.9, nobody"]), "127.0.0.1");
        assert_eq!(client("127.0.0.1", &[]), "127.0.0.1");
        let nobody = OriginPolicy::default();
        let here = IpAddr::from([127, 0, 0, 1]);
        let mut headers = HeaderMap::new();
        headers.append(FORWARDED_FOR, HeaderValue::from_static("9.9.9.9"));
        assert_eq!(nobody.client(here, &headers), here, "unless it is configured");
    }

    #[test]
    fn a_body_must_say_that_it_is_json() {
        let post = |kind: &str| {
            judged(&policy(), &Method::POST, &[("host", "localhost"), ("content-type", kind)])
        };
        assert_eq!(post("application/json"), Ok(()));
        assert_eq!(post("Application/JSON; charset=utf-8"), Ok(()));
        for kind in
            ["text/plain", "application/x-www-form-urlencoded", "", "text/plain; application/json"]
        {
            assert_eq!(post(kind), Err(Refusal::Kind), "{kind}");
        }
        assert_eq!(judged(&policy(), &Method::POST, &[("host", "localhost")]), Err(Refusal::Kind));
        let two = [
            ("host", "localhost"),
            ("content-type", "application/json"),
            ("content-type", "text/plain"),
        ];
        assert_eq!(judged(&policy(), &Method::POST, &two), Err(Refusal::Kind));
    }
}
