//! The server: connections, requests, and their bounds.

use crate::methods::{Refused, call};
use axum::Router;
use axum::body::{Body, HttpBody as _, to_bytes};
use axum::extract::State;
use axum::http::{StatusCode, header::CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use replica::{Node, Source};
use serde_json::{Value, json};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

/// Connections at one time.
const CONNECTIONS_MAX: usize = 256;
/// Longest request.
const REQUEST_BYTES_MAX: usize = 8 << 20;
/// Time in which the head of a request, and then its body, must have come.
const ARRIVAL_MAX: Duration = Duration::from_secs(10);
/// Blocks that execution may be behind and the validator still be called ready.
const BEHIND_MAX: u64 = 16;

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
    source: Source,
}

/// Serves a validator on a listening socket, for ever.
pub async fn serve(listener: TcpListener, node: Node, metrics: Metrics) {
    let router = Router::new()
        .route("/", post(rpc))
        .route("/metrics", get(metrics_text))
        .route("/health/live", get(|| async { "live\n" }))
        .route("/health/ready", get(ready));
    let slots = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let Ok(slot) = slots.clone().acquire_owned().await else { return };
        let Ok((stream, client)) = listener.accept().await else {
            // Out of file handles, most likely: others must end first.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let service = {
            let source = Source::Client(client.ip());
            let served = Served { node: node.clone(), metrics: metrics.clone(), source };
            TowerToHyperService::new(router.clone().with_state::<()>(served))
        };
        tokio::spawn(async move {
            let connection = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(ARRIVAL_MAX)
                .max_buf_size(64 << 10)
                .serve_connection(TokioIo::new(stream), service);
            // A broken connection concerns its client alone.
            drop(connection.await);
            drop(slot);
        });
    }
}

async fn rpc(State(served): State<Served>, body: Body) -> Response {
    // Said at once, where the head of the request says how much is to come.
    if usize::try_from(body.size_hint().lower())
        .is_ok_and(|announced| announced > REQUEST_BYTES_MAX)
    {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    }
    let read = tokio::time::timeout(ARRIVAL_MAX, to_bytes(body, REQUEST_BYTES_MAX)).await;
    let bytes = match read {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(_)) => return StatusCode::PAYLOAD_TOO_LARGE.into_response(),
        Err(_) => return StatusCode::REQUEST_TIMEOUT.into_response(),
    };
    let answer = match serde_json::from_slice::<Value>(&bytes) {
        Ok(request) => respond(&served, &request).await,
        Err(error) => {
            refused(&Value::Null, &Refused { code: -32_700, message: format!("not JSON: {error}") })
        }
    };
    ([(CONTENT_TYPE, "application/json")], answer.to_string()).into_response()
}

async fn respond(served: &Served, request: &Value) -> Value {
    let id = &request["id"];
    let Some(method) = request["method"].as_str() else {
        let message = "a request is {\"method\": …, \"params\": {…}, \"id\": …}".to_owned();
        return refused(id, &Refused { code: -32_600, message });
    };
    match call(&served.node, served.source, method, &request["params"]).await {
        Ok(result) => json!({ "jsonrpc": "2.0", "id": id, "result": result }),
        Err(error) => refused(id, &error),
    }
}

fn refused(id: &Value, error: &Refused) -> Value {
    let error = json!({ "code": error.code, "message": error.message });
    json!({ "jsonrpc": "2.0", "id": id, "error": error })
}

/// The engine's own metrics, and after them what this program adds.
async fn metrics_text(State(served): State<Served>) -> String {
    let status = served.node.status();
    let height = served.node.height();
    let stopped = u8::from(status.signing_stopped.is_some());
    let own = format!(
        "# TYPE novation_executed_height gauge\nnovation_executed_height {height}\n\
         # TYPE novation_finalised_height gauge\nnovation_finalised_height {}\n\
         # TYPE novation_waiting_submissions gauge\nnovation_waiting_submissions {}\n\
         # TYPE novation_waiting_bytes gauge\nnovation_waiting_bytes {}\n\
         # TYPE novation_views_skipped counter\nnovation_views_skipped_total {}\n\
         # TYPE novation_contradictions counter\nnovation_contradictions_total {}\n\
         # TYPE novation_signing_stopped gauge\nnovation_signing_stopped {stopped}\n",
        status.finalised,
        status.waiting,
        status.waiting_bytes,
        status.activities.skipped,
        status.activities.contradictions,
    );
    let engine = (served.metrics.0)();
    // The engine's text ends with a mark that nothing may follow.
    format!("{own}{engine}")
}

async fn ready(State(served): State<Served>) -> (StatusCode, String) {
    let status = served.node.status();
    let behind = status.finalised.saturating_sub(served.node.height());
    match status.signing_stopped {
        Some(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("not signing: {reason}\n")),
        None if behind > BEHIND_MAX => {
            (StatusCode::SERVICE_UNAVAILABLE, format!("{behind} blocks behind\n"))
        }
        None => (StatusCode::OK, "ready\n".to_owned()),
    }
}
