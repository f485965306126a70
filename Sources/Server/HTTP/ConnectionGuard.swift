internal import Files
internal import HTTPTypes
internal import NIOCore
internal import NIOHTTP1
internal import NIOHTTPTypes

/// Holds a connection to its limits: drops clients that send or read too slowly, answers what is no HTTP,
/// and closes after a response that says so, once the client could read it.
final class ConnectionGuard: ChannelDuplexHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPRequestPart
  typealias InboundOut = HTTPRequestPart
  typealias OutboundIn = HTTPResponsePart
  typealias OutboundOut = HTTPResponsePart

  /// Asks to be told when the client closes the connection, as long as a response is not done.
  struct Watch: Sendable {
    /// Called once at most, on the connection's thread.
    let onClose: @Sendable () -> Void
  }

  /// What is read and left aside after the last response, so that a client that still sends can read it.
  private static let drainLimit = 64 << 20
  private static let drainTime = TimeAmount.seconds(10)
  /// Bytes that a client has to read in a write timeout to stay.
  private static let leastProgress = 16 << 10

  private let readTimeout: TimeAmount
  private let writeTimeout: TimeAmount

  private var isReadingRequest = false
  private var responsesLeft = 0
  private var hasBegunResponse = false
  private var isInputClosed = false
  private var closesAfterResponse = false
  /// Responses of which the client has not been sent all.
  private var unsentResponses = 0
  /// Completed when the connection is closed, after those; nil if nobody asked for that.
  private var postponedClose: EventLoopPromise<Void>?
  /// The bytes that may still be drained; nil before.
  private var drainAllowance: Int?
  private var watches: [Watch] = []
  private var readDeadline: Scheduled<Void>?
  private var writeCheck: Scheduled<Void>?

  init(_ settings: ServerSettings) {
    readTimeout = TimeAmount(settings.readTimeout)
    writeTimeout = TimeAmount(settings.writeTimeout)
  }

  // MARK: - Requests

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    let part = unwrapInboundIn(data)
    if let allowance = drainAllowance {
      drain(part, allowance, context)
      return
    }
    var data = data
    switch part {
    case .head(var head):
      // Hummingbird knows this spelling alone.
      if head.headerFields[.connection]?.lowercased() == "close" {
        head.headerFields[.connection] = "close"
        data = wrapInboundOut(.head(head))
      }
      isReadingRequest = true
      responsesLeft += 1
      readDeadline = schedule(context, readTimeout) { $0.endReading($1) }
      if head.headerFields[.expect]?.lowercased() == "100-continue", responsesLeft == 1 {
        context.writeAndFlush(wrapOutboundOut(.head(HTTPResponse(status: .continue))), promise: nil)
      }
    case .body: break
    case .end:
      isReadingRequest = false
      cancelReadDeadline()
    }
    context.fireChannelRead(data)
  }

  private func drain(_ part: HTTPRequestPart, _ allowance: Int, _ context: ChannelHandlerContext) {
    switch part {
    case .head, .end: context.close(promise: nil)
    case .body(let buffer):
      drainAllowance = allowance - buffer.readableBytes
      if allowance < buffer.readableBytes { context.close(promise: nil) }
    }
  }

  /// The request did not come in time.
  private func endReading(_ context: ChannelHandlerContext) {
    guard responsesLeft == 1, !hasBegunResponse else {
      context.close(promise: nil)
      return
    }
    refuse(
      APIError(.requestTimeout, "request_timeout", "the request did not arrive in time"), context)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    guard responsesLeft == 0 || responsesLeft == 1 && isReadingRequest && !hasBegunResponse else {
      context.close(promise: nil)
      return
    }
    switch error {
    case HTTPParserError.headerOverflow:
      refuse(
        APIError(
          .requestHeaderFieldsTooLarge, "header_too_large", "the head of the request is too large"),
        context)
    case HTTPParserError.invalidVersion:
      refuse(
        APIError(.httpVersionNotSupported, "http_version", "the server speaks HTTP/1.1"), context)
    case is HTTPParserError:
      refuse(APIError(.badRequest, "bad_request", "this is no HTTP/1.1 request"), context)
    default:
      context.close(promise: nil)
    }
  }

  /// Answers without the routes, and closes.
  private func refuse(_ error: APIError, _ context: ChannelHandlerContext) {
    cancelReadDeadline()
    let body = ByteBuffer(string: error.json.text)
    let head = HTTPResponse(
      status: error.status,
      headerFields: [
        .contentType: "application/json", .contentLength: "\(body.readableBytes)",
        .connection: "close", .xContentTypeOptions: "nosniff",
      ])
    (hasBegunResponse, closesAfterResponse) = (true, true)
    responsesLeft = max(responsesLeft, 1)
    context.write(wrapOutboundOut(.head(head)), promise: nil)
    context.write(wrapOutboundOut(.body(body)), promise: nil)
    finishResponse(context, nil, promise: nil)
  }

  // MARK: - Responses

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    guard drainAllowance == nil else {
      promise?.fail(ChannelError.ioOnClosedChannel)
      return
    }
    switch unwrapOutboundIn(data) {
    case .head(let head):
      if head.status.kind != .informational {
        hasBegunResponse = true
        closesAfterResponse =
          closesAfterResponse || head.headerFields[.connection]?.lowercased() == "close"
      }
      context.write(data, promise: promise)
    case .body: context.write(data, promise: promise)
    case .end(let trailers): finishResponse(context, trailers, promise: promise)
    }
  }

  private func finishResponse(
    _ context: ChannelHandlerContext, _ trailers: HTTPFields?, promise: EventLoopPromise<Void>?
  ) {
    responsesLeft -= 1
    hasBegunResponse = false
    watches = []
    let promise = promise ?? context.eventLoop.makePromise()
    unsentResponses += 1
    if closesAfterResponse { drainAllowance = ConnectionGuard.drainLimit }
    let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
    promise.futureResult.whenComplete { [closesAfterResponse] _ in
      let (handler, context) = bound.value
      handler.unsentResponses -= 1
      if closesAfterResponse { handler.close(context) }
      guard handler.unsentResponses == 0, let promise = handler.postponedClose else { return }
      handler.postponedClose = nil
      context.close(promise: promise)
    }
    context.writeAndFlush(wrapOutboundOut(.end(trailers)), promise: promise)
  }

  /// Closes once the client has sent all of its request, or too much, or for too long.
  private func close(_ context: ChannelHandlerContext) {
    guard isReadingRequest, !isInputClosed else {
      context.close(promise: nil)
      return
    }
    cancelReadDeadline()
    context.close(mode: .output, promise: nil)
    readDeadline = schedule(context, ConnectionGuard.drainTime) { $1.close(promise: nil) }
    context.read()
  }

  /// At its end a server closes connections right after their last response was handed over.
  func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
    guard mode == .all, unsentResponses > 0 else {
      context.close(mode: mode, promise: promise)
      return
    }
    let closed = postponedClose ?? context.eventLoop.makePromise()
    postponedClose = closed
    closed.futureResult.cascade(to: promise)
  }

  func channelWritabilityChanged(context: ChannelHandlerContext) {
    writeCheck?.cancel()
    writeCheck = nil
    if !context.channel.isWritable { checkProgress(context, from: unsentBytes(context)) }
    context.fireChannelWritabilityChanged()
  }

  private func checkProgress(_ context: ChannelHandlerContext, from before: Int) {
    writeCheck = schedule(context, writeTimeout) { handler, context in
      let now = handler.unsentBytes(context)
      guard now <= before - ConnectionGuard.leastProgress else {
        context.close(promise: nil)
        return
      }
      handler.checkProgress(context, from: now)
    }
  }

  private func unsentBytes(_ context: ChannelHandlerContext) -> Int {
    (try? context.channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
  }

  // MARK: - The connection

  func triggerUserOutboundEvent(
    context: ChannelHandlerContext, event: Any, promise: EventLoopPromise<Void>?
  ) {
    guard let watch = event as? Watch else {
      context.triggerUserOutboundEvent(event, promise: promise)
      return
    }
    if isInputClosed { watch.onClose() } else { watches.append(watch) }
    promise?.succeed()
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    if case ChannelEvent.inputClosed = event {
      noteClose()
      if drainAllowance != nil { context.close(promise: nil) }
    }
    context.fireUserInboundEventTriggered(event)
  }

  func channelInactive(context: ChannelHandlerContext) {
    noteClose()
    end()
    postponedClose?.succeed()
    postponedClose = nil
    context.fireChannelInactive()
  }

  func handlerRemoved(context: ChannelHandlerContext) { end() }

  private func noteClose() {
    isInputClosed = true
    for watch in watches { watch.onClose() }
    watches = []
  }

  private func end() {
    cancelReadDeadline()
    writeCheck?.cancel()
    writeCheck = nil
  }

  private func cancelReadDeadline() {
    readDeadline?.cancel()
    readDeadline = nil
  }

  private func schedule(
    _ context: ChannelHandlerContext, _ time: TimeAmount,
    _ body: @escaping (ConnectionGuard, ChannelHandlerContext) -> Void
  ) -> Scheduled<Void> {
    let bound = NIOLoopBound((self, context, body), eventLoop: context.eventLoop)
    return context.eventLoop.scheduleTask(in: time) {
      let (handler, context, body) = bound.value
      body(handler, context)
    }
  }
}

extension ServerContext {
  /// Calls `body` when the client closes the connection, unless the response is done before.
  func onClose(_ body: @escaping @Sendable () -> Void) {
    let promise = channel.eventLoop.makePromise(of: Void.self)
    // The connection may be closed already.
    promise.futureResult.whenFailure { _ in body() }
    channel.triggerUserOutboundEvent(ConnectionGuard.Watch(onClose: body), promise: promise)
  }
}
