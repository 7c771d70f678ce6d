//! A connection that does not wait for ever for a client that reads nothing: the write timeout against slow readers.

use crate::connection_limit::Activity;
use std::future::Future as _;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// A stream on which a write that makes no progress for a while fails, and which is seen to be used by what it writes.
#[derive(Debug)]
pub(crate) struct WriteTimeout<S> {
    stream: S,
    longest: Duration,
    activity: Arc<Activity>,
    /// Since a write has been waiting.
    patience: Option<Pin<Box<Sleep>>>,
}

impl<S> WriteTimeout<S> {
    pub(crate) fn new(stream: S, longest: Duration, activity: Arc<Activity>) -> Self {
        Self { stream, longest, activity, patience: None }
    }

    /// Passes progress on, and turns a wait that has become too long into an error.
    fn pass_on<T>(
        &mut self,
        context: &mut Context<'_>,
        polled: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if polled.is_ready() {
            self.patience = None;
            return polled;
        }
        let longest = self.longest;
        let patience = self.patience.get_or_insert_with(|| Box::pin(sleep(longest)));
        match patience.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for WriteTimeout<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for WriteTimeout<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(context, bytes);
        if polled.is_ready() {
            self.activity.touch(Instant::now());
        }
        self.pass_on(context, polled)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_flush(context);
        self.pass_on(context, polled)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_shutdown(context);
        self.pass_on(context, polled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connection_limit::ConnectionLimits;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    fn activity() -> Arc<Activity> {
        let limits = ConnectionLimits::new();
        let permit = limits.admit([10, 0, 0, 1].into(), Instant::now());
        permit.expect("the first is let in").activity()
    }

    #[tokio::test]
    async fn a_client_that_takes_nothing_is_cut_off() {
        let (server, _client) = duplex(4);
        let mut server = WriteTimeout::new(server, Duration::ZERO, activity());
        let written = server.write_all(&[1; 5]).await.map_err(|error| error.kind());
        assert_eq!(written, Err(io::ErrorKind::TimedOut));
    }

    #[tokio::test]
    async fn a_client_that_takes_its_answer_gets_all_of_it() {
        let (server, mut client) = duplex(4);
        let mut server = WriteTimeout::new(server, Duration::from_secs(3_600), activity());
        let mut read = Vec::new();
        let (written, _) = tokio::join!(
            async {
                server.write_all(&[7; 1_000]).await?;
                server.shutdown().await
            },
            client.read_to_end(&mut read),
        );
        assert!(written.is_ok(), "{written:?}");
        assert_eq!(read, [7; 1_000]);
    }
}
