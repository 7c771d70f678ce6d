//! Requests of clients to a validator's JSON-RPC.

use crate::Answer;
use rpc::{Call, Door, ErrorCode, Request, ResponseError, StatusParams};

/// Longest refusal: the longest of those that repeat nothing names all methods.
const WORDS_BYTES_MAX: usize = 1_024;

/// What is read costs something, and is the same at every door that its method is for; what is refused has a code that clients
/// know, and they read it back.
pub(crate) fn request(bytes: &[u8]) -> Answer {
    let read = Request::read(bytes, Door::Operator);
    let abroad = Request::read(bytes, Door::Clients);
    match &read {
        Ok(request) => {
            assert!((1..=2_000).contains(&request.call.cost()), "{request:?}");
            match request.call.row().door {
                Door::Clients => assert_eq!(abroad.as_ref(), Ok(request)),
                Door::Operator => {
                    let refused = abroad.expect_err("it is the operator's").error;
                    assert_eq!(refused.kind(), Some(ErrorCode::MethodNotFound));
                }
            }
        }
        Err(refused) => {
            assert!(refused.error.kind().is_some() && abroad.is_err(), "{refused:?}");
            assert!(refused.error.message.len() <= WORDS_BYTES_MAX, "it repeats what was sent");
            let text = rpc::refused(&refused.id, &refused.error);
            let told = rpc::response::<StatusParams>(text.as_bytes());
            assert!(matches!(told, Err(ResponseError::Refused(error)) if error == refused.error));
        }
    }
    Answer::of(&read)
}

/// Returns the examples of the reference.
pub(crate) fn requests() -> Vec<Vec<u8>> {
    let examples = Call::ROWS.iter().flat_map(|row| {
        row.examples.iter().map(|example| {
            format!("{{\"id\":1,\"method\":\"{}\",\"params\":{}}}", row.name, example.params)
        })
    });
    examples.map(String::into_bytes).collect()
}
