internal import ArgumentParser

/// An error whose message comes from a library, with a remedy in the words of this program.
///
/// A library's error joins by an extension in this folder, `PipelineError+Remedy.swift`, with an
/// exhaustive switch over its reasons.
protocol ErrorWithRemedy: Error {
  /// What is wrong, and where.
  var message: String { get }
  /// The option or command that helps; nil if the message says enough.
  var remedy: String? { get }
  /// Whether the user's options or configuration file are at fault: exit code 64 in place of 1.
  var isUsage: Bool { get }
}

extension ErrorWithRemedy {
  var isUsage: Bool { false }

  /// Message and remedy: "MESSAGE; REMEDY", or on a line of its own after a list.
  var wording: String {
    remedy.map { message + (message.contains("\n") ? "\n" : "; ") + $0 } ?? message
  }
}

extension UsageError: ErrorWithRemedy {
  var remedy: String? { nil }
  var isUsage: Bool { true }
}

/// An error as the user reads it, without "Error: ".
func wording(of error: any Error) -> String {
  (error as? any ErrorWithRemedy)?.wording ?? DiTCommand.message(for: error)
}
