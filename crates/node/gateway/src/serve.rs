//! The server: connections, requests, and their bounds.

use crate::connection_limit::{BytesPermit, ConnectionLimits, ConnectionPermit};
use crate::methods;
use crate::metrics;
use crate::origin_policy::{self, OriginPolicy};
use crate::write_timeout::WriteTimeout;
use axum::body::{Body, HttpBody as _};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, StatusCode, header::CONTENT_TYPE};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use futures::StreamExt as _;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use replica::{Node, Source};
use rpc::{Door, Error, ErrorCode, Refused, Request};
use std::fmt;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};

/// Longest request.
const REQUEST_BYTES_MAX: usize = 8 << 20;
/// Time in which the head of a request must have come, and then its body.
const HEAD_MAX: Duration = Duration::from_secs(5);
const BODY_MAX: Duration = Duration::from_secs(10);
/// Longest time in which a client takes nothing of its answer.
const STALL_MAX: Duration = Duration::from_secs(10);
/// What the metrics cost of the work that an address may ask for.
const METRICS_COST: u32 = 100;
/// Bytes of a request that is none, for a unit of work.
const UNREADABLE_BYTES_A_UNIT: usize = 16 << 10;

/// Returns the metrics as text.
#[derive(Clone)]
pub struct Metrics(pub Arc<dyn Fn() -> String + Send + Sync>);

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

#[derive(Debug, Clone)]
struct Served {
    node: Node,
    metrics: Metrics,
    door: Door,
    policy: Arc<OriginPolicy>,
}

/// Serves a validator on a listening socket, for ever, to whom the policy of origins lets in.
pub async fn serve(listener: TcpListener, node: Node, metrics: Metrics, policy: OriginPolicy) {
    let router = router(node, metrics, policy, Door::Clients);
    let limits = ConnectionLimits::new();
    loop {
        let Ok((stream, peer)) = listener.accept().await else {
            rest().await;
            continue;
        };
        // Closed at once: one that waits would hold a file handle.
        let Some(permit) = limits.admit(peer.ip(), Instant::now()) else { continue };
        tokio::spawn(attend(stream, permit, router.clone()));
    }
}

/// Serves the operator of a validator on a socket of this machine, for ever: whoever may open its file. Here, and
/// nowhere else, reports of prices are taken.
pub async fn serve_operator(listener: UnixListener, node: Node, metrics: Metrics) {
    let router = router(node, metrics, OriginPolicy::default(), Door::Operator);
    let limits = ConnectionLimits::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            rest().await;
            continue;
        };
        let here = Ipv4Addr::LOCALHOST.into();
        let Some(permit) = limits.admit(here, Instant::now()) else { continue };
        tokio::spawn(attend(stream, permit, router.clone()));
    }
}

fn router(node: Node, metrics: Metrics, policy: OriginPolicy, door: Door) -> Router {
    let policy = Arc::new(policy);
    Router::new()
        .route("/", post(json_rpc))
        .route("/metrics", get(metrics_text))
        .route("/health/live", get(|| async { "live\n" }))
        .route("/health/ready", get(ready))
        .with_state(Served { node, metrics, door, policy: policy.clone() })
        .layer(from_fn_with_state(policy, origin_policy::enforce))
}

/// Waits a moment when no connection can be taken: out of file handles, most likely, so others must end first.
async fn rest() {
    tokio::time::sleep(Duration::from_millis(50)).await;
}

/// Answers on a connection until it ends, or has to make room.
async fn attend<S>(stream: S, permit: ConnectionPermit, router: Router)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let activity = permit.activity();
    let service = TowerToHyperService::new(router.layer(Extension(permit)));
    let stream = WriteTimeout::new(stream, STALL_MAX, activity.clone());
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_MAX)
        .max_buf_size(64 << 10)
        .serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        // A broken connection concerns its client alone.
        ended = connection => drop(ended),
        () = activity.evicted() => {}
    }
}

async fn json_rpc(
    State(served): State<Served>,
    Extension(permit): Extension<ConnectionPermit>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let client = served.policy.client(permit.address, &headers);
    let Some(permit) = permit.on_behalf_of(client, Instant::now()) else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    // Said at once, where the head of the request says how much is to come.
    if usize::try_from(body.size_hint().lower())
        .is_ok_and(|announced| announced > REQUEST_BYTES_MAX)
    {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    }
    let mut room = BytesPermit::default();
    let bytes = match tokio::time::timeout(BODY_MAX, arrive(body, &permit, &mut room)).await {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(status)) => return status.into_response(),
        Err(_) => return StatusCode::REQUEST_TIMEOUT.into_response(),
    };
    let _busy = permit.begin_request();
    let request = Request::read(&bytes, served.door);
    let length = bytes.len();
    drop(bytes);
    let answer = respond(&served, &permit, length, request).await;
    ([(CONTENT_TYPE, "application/json")], answer).into_response()
}

/// Reads a body, as long as there is room for it.
async fn arrive(
    body: Body,
    permit: &ConnectionPermit,
    room: &mut BytesPermit,
) -> Result<Vec<u8>, StatusCode> {
    let mut frames = body.into_data_stream();
    let mut bytes = Vec::new();
    while let Some(frame) = frames.next().await {
        let frame = frame.map_err(|_| StatusCode::BAD_REQUEST)?;
        if bytes.len().saturating_add(frame.len()) > REQUEST_BYTES_MAX {
            return Err(StatusCode::PAYLOAD_TOO_LARGE);
        }
        if !permit.hold(frame.len(), room) {
            return Err(StatusCode::SERVICE_UNAVAILABLE);
        }
        bytes.extend_from_slice(&frame);
    }
    Ok(bytes)
}

/// Returns the response to what was sent.
async fn respond(
    served: &Served,
    permit: &ConnectionPermit,
    length: usize,
    request: Result<Request, Refused>,
) -> String {
    let source = match served.door {
        Door::Clients => Source::client(permit.address),
        Door::Operator => Source::Local,
    };
    match within_rate(permit, length, request).await {
        Ok(Request { id, call }) => methods::respond(&served.node, source, &id, call).await,
        Err(Refused { id, error }) => rpc::refused(&id, &error),
    }
}

/// Returns what it costs to have read a request of a length that is none.
fn unreadable_cost(length: usize) -> u32 {
    u32::try_from(length / UNREADABLE_BYTES_A_UNIT).unwrap_or(u32::MAX).saturating_add(1)
}

/// Returns a request once the rate limit of its address has room for it, or refuses it. What cannot be read as a call costs by
/// its length, for it has been read.
async fn within_rate(
    permit: &ConnectionPermit,
    length: usize,
    request: Result<Request, Refused>,
) -> Result<Request, Refused> {
    let cost = match &request {
        Ok(request) => request.call.cost(),
        Err(_) => unreadable_cost(length),
    };
    match permit.spend(cost, Instant::now()) {
        Some(wait) => {
            tokio::time::sleep(wait).await;
            request
        }
        None => {
            let words = "too much is asked for from this address: ask again later";
            let error = Error::new(ErrorCode::LimitExceeded, words);
            let id = request.map_or_else(|refused| refused.id, |request| request.id);
            Err(Refused { id, error })
        }
    }
}

/// All metrics, in the format that Prometheus reads.
async fn metrics_text(
    State(served): State<Served>,
    Extension(permit): Extension<ConnectionPermit>,
) -> Result<([(HeaderName, &'static str); 1], String), StatusCode> {
    match permit.spend(METRICS_COST, Instant::now()) {
        Some(wait) => tokio::time::sleep(wait).await,
        None => return Err(StatusCode::TOO_MANY_REQUESTS),
    }
    let format = [(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    Ok((format, metrics::all(&served.node, &(served.metrics.0)())))
}

async fn ready(State(served): State<Served>) -> (StatusCode, String) {
    match served.node.ready() {
        Ok(()) => (StatusCode::OK, "ready\n".to_owned()),
        Err(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rpc::Id;

    fn permit() -> ConnectionPermit {
        let limits = ConnectionLimits::new();
        limits.admit([10, 0, 0, 1].into(), Instant::now()).expect("the first is let in")
    }

    /// Takes what is left of an address's bucket, waiting units included.
    fn drain(permit: &ConnectionPermit) {
        while permit.spend(100, Instant::now()).is_some() {}
    }

    fn read(text: &str) -> Result<Request, Refused> {
        Request::read(text.as_bytes(), Door::Clients)
    }

    fn body(frames: Vec<Vec<u8>>) -> Body {
        let frames = frames.into_iter().map(Ok::<_, std::io::Error>);
        Body::from_stream(futures::stream::iter(frames))
    }

    #[tokio::test]
    async fn a_request_beyond_the_rate_is_refused_under_its_id_and_one_within_it_passes() {
        let permit = permit();
        let asked = "{\"id\":\"a\",\"method\":\"greeks\",\"params\":{\"account\":\"0x0000000000000000000000000000000000000000\"}}";
        assert_eq!(within_rate(&permit, asked.len(), read(asked)).await, read(asked));
        drain(&permit);
        let refused =
            within_rate(&permit, asked.len(), read(asked)).await.expect_err("nothing is left");
        assert_eq!(refused.id, Id::Text("a".to_owned()));
        assert_eq!(refused.error.kind(), Some(ErrorCode::LimitExceeded));
    }

    #[tokio::test]
    async fn what_is_refused_as_it_is_costs_too_and_says_so_once_nothing_is_left() {
        let permit = permit();
        for (asked, code) in [
            ("nonsense", ErrorCode::ParseError),
            ("[]", ErrorCode::InvalidRequest),
            ("{\"method\":\"sing\"}", ErrorCode::MethodNotFound),
            ("{\"method\":\"follow\"}", ErrorCode::InvalidParams),
        ] {
            let refused =
                within_rate(&permit, asked.len(), read(asked)).await.expect_err("it is none");
            assert_eq!(refused.error.kind(), Some(code), "{asked}");
        }
        drain(&permit);
        while permit.spend(1, Instant::now()).is_some() {}
        let refused = within_rate(&permit, 8, read("nonsense")).await.expect_err("nor now");
        assert_eq!(refused.error.kind(), Some(ErrorCode::LimitExceeded));
    }

    #[test]
    fn what_is_no_call_costs_by_its_length() {
        assert_eq!([0, 16_383, 16_384, REQUEST_BYTES_MAX].map(unreadable_cost), [1, 1, 2, 513]);
    }

    #[tokio::test]
    async fn a_body_arrives_whole_up_to_its_bound_and_no_further() {
        let (permit, mut room) = (permit(), BytesPermit::default());
        let whole = arrive(body(vec![vec![1; 3], vec![2; 2]]), &permit, &mut room).await;
        assert_eq!(whole, Ok(vec![1, 1, 1, 2, 2]));
        let most = vec![0; REQUEST_BYTES_MAX];
        let read = arrive(body(vec![most.clone()]), &permit, &mut room).await;
        assert_eq!(read.map(|bytes| bytes.len()), Ok(REQUEST_BYTES_MAX));
        let read = arrive(body(vec![most, vec![0]]), &permit, &mut BytesPermit::default()).await;
        assert_eq!(read, Err(StatusCode::SERVICE_UNAVAILABLE), "an address has 16 MiB in all");
        drop(room);
        let read = arrive(
            body(vec![vec![0; 1], vec![0; REQUEST_BYTES_MAX]]),
            &permit,
            &mut BytesPermit::default(),
        )
        .await;
        assert_eq!(read, Err(StatusCode::PAYLOAD_TOO_LARGE));
    }

    #[tokio::test]
    async fn a_body_that_breaks_off_is_a_bad_request() {
        let frames = [Ok(vec![1]), Err(std::io::Error::other("gone"))];
        let broken = Body::from_stream(futures::stream::iter(frames));
        let read = arrive(broken, &permit(), &mut BytesPermit::default()).await;
        assert_eq!(read, Err(StatusCode::BAD_REQUEST));
    }
}
