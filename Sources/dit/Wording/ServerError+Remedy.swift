internal import Server

extension ServerError: ErrorWithRemedy {
  var remedy: String? {
    switch reason {
    case .missingToken: "give --token-file FILE, or DIT_TOKEN in the environment"
    case .badToken: nil
    case .badHostName:
      "--allowed-hosts takes names such as images.example.org, without scheme and port"
    case .address: "give another --host or --port"
    }
  }

  var isUsage: Bool { reason != .address }
}

extension ServiceError: ErrorWithRemedy {
  var remedy: String? {
    switch reason {
    case .memory: "give fewer --workers, or a smaller --batch-size"
    case .request, .queueFull, .ending, .loading, .unknown: nil
    }
  }

  var isUsage: Bool { false }
}
